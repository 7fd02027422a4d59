import assert from 'node:assert/strict';
import { it } from 'node:test';
import { toHex } from '../../src/base/octets.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { privateKeyMaterial } from '../../src/crypto/private-key.ts';
import { Verifier } from '../../src/crypto/verify.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { base64, dnskey, signedData } from './vectors.ts';

const RECORD = {
  owner: 'www.example.net.',
  type: 1,
  labels: 3,
  ttl: 3600,
  signer: 'example.net.',
  rdata: new Uint8Array([192, 0, 2, 1]),
};

const EXAMPLES = [
  {
    algorithm: 13,
    tag: 55648,
    key: 'GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==',
    private: 'GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=',
    digest: 2,
    ds: 'b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17',
    expiration: '20100909100439',
    inception: '20100812100439',
    signature: 'qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==',
  },
  {
    algorithm: 14,
    tag: 10771,
    key: `xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8
      /uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40`,
    private: 'WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR',
    digest: 4,
    ds: '72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6',
    expiration: '20100909102025',
    inception: '20100812102025',
    signature: `/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuz
      WTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm`,
  },
];

for (const example of EXAMPLES) {
  const rdata = dnskey(257, example.algorithm, example.key);
  const data = signedData({ ...RECORD, ...example });

  it(`algorithm ${example.algorithm}: tag and DS (section 6)`, () => {
    assert.equal(keyTag(rdata), example.tag);
    assert.equal(toHex(dsRdata(mustName('example.net.'), rdata, example.digest)).slice(8), example.ds);
  });

  it(`algorithm ${example.algorithm}: the published signature verifies, changed ones do not`, () => {
    const signature = base64(example.signature);
    const verifier = new Verifier(rdata);
    assert.ok(verifier.verify(data, signature));
    for (const at of [0, signature.length >> 1, signature.length - 1]) {
      const changed = Uint8Array.from(signature);
      changed[at] ^= 1;
      assert.ok(!verifier.verify(data, changed));
    }
    assert.ok(!verifier.verify(data, signature.subarray(1)));
    assert.ok(!verifier.verify(data, new Uint8Array(signature.length))); // r = s = 0
  });

  it(`algorithm ${example.algorithm}: the published private key signs what the published public key verifies`, () => {
    const material = privateKeyMaterial(example.algorithm, rdata, { PrivateKey: base64(example.private) });
    const signature = new LocalSigner(material).sign(data);
    assert.equal(signature.length, base64(example.signature).length);
    assert.ok(new Verifier(rdata).verify(data, signature));
  });

  it(`algorithm ${example.algorithm}: points off the curve and keys of another length are refused`, () => {
    const off = Uint8Array.from(rdata);
    off[off.length - 1] ^= 1;
    assert.match(new Verifier(off).fault ?? '', /no valid/);
    assert.match(new Verifier(rdata.subarray(0, -1)).fault ?? '', /octets/);
    const zero = Uint8Array.from(rdata).fill(0, 4);
    assert.ok(new Verifier(zero).fault);
    assert.ok(!new Verifier(zero).verify(data, base64(example.signature)));
  });
}
