import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';

interface Locked {
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly engines?: unknown;
  readonly resolved?: unknown;
  readonly optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };

test('package-lock.json lets npm of Debian 12 install the packages of the platform', () => {
  for (const [name, locked] of Object.entries(packages))
    if (locked.os !== undefined) assert.equal(locked.engines, undefined, `${name}: run npm run lock`);
});

test('package-lock.json has every platform of every package, so that npm ci takes it', () => {
  for (const [name, { optionalDependencies = {} }] of Object.entries(packages))
    for (const dependency of Object.keys(optionalDependencies))
      assert.ok(`node_modules/${dependency}` in packages, `${name} needs ${dependency}: run npm run lock`);
});

test('package-lock.json names no registry', () => {
  for (const [name, locked] of Object.entries(packages)) assert.equal(locked.resolved, undefined, name);
});
