import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Life, START } from './life.ts';
import { line, short, SHORT_INSECURE } from './short-policy.ts';

/* What was seen at the parent counts for the DS that CDS no longer asks for only when it can still be so. */

const KSK = short(line('ksk', 30_000), line('zsk'));

/** The parent has the DS of K0; CDS asked for that of K2 in its place from 30000 to 30010, and then for the end of all. */
function leavingLife(): Life {
  const life = new Life(KSK).advance(29_999);
  life.parentFollows = false;
  life.advance(30_010).change(SHORT_INSECURE);
  assert.deepEqual(
    ['K0', 'K2'].map((id) => [life.key(id).state?.ds, life.key(id).state?.dsChange]),
    [
      ['unretentive', START + 30_000],
      ['unretentive', START + 30_010],
    ],
  );
  return life;
}

const gone = (at: Readonly<Record<string, number>>): { readonly dsGone: ReadonlyMap<string, number> } => ({
  dsGone: new Map(Object.entries(at).map(([id, seconds]) => [id, START + seconds])),
});

test('a parent seen without a DS before CDS ceased to ask for it, or in that second, may have it since', () => {
  const life = leavingLife();
  for (const [at, isBelieved] of [
    [29_990, false],
    [30_000, false],
    [30_001, true],
  ] as const) {
    life.zone.run(SHORT_INSECURE, START + 30_100, gone({ K0: at }));
    assert.equal(life.key('K0').times.dsRemoved, isBelieved ? START + at : undefined);
  }
});

test('going insecure, a DS that nobody has seen may come until the parent has taken away those that it has', () => {
  const life = leavingLife();
  const { plan } = life.zone.run(SHORT_INSECURE, START + 30_100, gone({ K2: 30_050 }));
  assert.equal(life.key('K2').times.dsRemoved, undefined);
  assert.equal(plan.waits.find(({ key, record }) => key === 'K2' && record === 'ds')?.reason, 'ds still at parent');
  life.zone.run(SHORT_INSECURE, START + 30_500, gone({ K0: 30_400, K2: 30_050 }));
  // It may have been there in between.
  assert.deepEqual([life.key('K0').times.dsRemoved, life.key('K2').times.dsRemoved], [START + 30_400, START + 30_400]);
});

test('going insecure, where the parent never had a DS there is nothing to wait for but a sight of it', () => {
  const life = new Life(KSK);
  life.parentFollows = false;
  life.advance(2000).change(SHORT_INSECURE);
  life.zone.run(SHORT_INSECURE, START + 2100, gone({ K0: 2050 }));
  assert.equal(life.key('K0').times.dsRemoved, START + 2050);
});
