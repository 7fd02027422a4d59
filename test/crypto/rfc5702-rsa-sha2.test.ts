import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { privateKeyMaterial } from '../../src/crypto/private-key.ts';
import { Verifier } from '../../src/crypto/verify.ts';
import { readPrivateFile } from '../../src/keys/private-file.ts';
import { base64, dnskey, signedData } from './vectors.ts';

const RECORD = {
  owner: 'www.example.net.',
  type: 1,
  labels: 3,
  ttl: 3600,
  expiration: '20300101000000',
  inception: '20000101000000',
  signer: 'example.net.',
  rdata: new Uint8Array([192, 0, 2, 91]),
};

interface Example {
  readonly algorithm: number;
  readonly tag: number;
  readonly key: string;
  readonly signature: string;
  readonly privateFile: string;
}

const SHA256: Example = {
  algorithm: 8,
  tag: 9033,
  key: 'AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=',
  signature: 'kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==',
  privateFile: `Private-key-format: v1.2
Algorithm: 8 (RSASHA256)
Modulus: wVwaxrHF2CK64aYKRUibLiH30KpPuPBjel7E8ZydQW1HYWHfoGmidzC2RnhwCC293hCzw+TFR2nqn8OVSY5t2Q==
PublicExponent: AQAB
PrivateExponent: UR44xX6zB3eaeyvTRzmskHADrPCmPWnr8dxsNwiDGHzrMKLN+i/HAam+97HxIKVWNDH2ba9Mf1SA8xu9dcHZAQ==
Prime1: 4c8IvFu1AVXGWeFLLFh5vs7fbdzdC6U82fduE6KkSWk=
Prime2: 2zZpBE8ZXVnL74QjG4zINlDfH+EOEtjJJ3RtaYDugvE=
Exponent1: G2xAPFfK0KGxGANDVNxd1K1c9wOmmJ51mGbzKFFNMFk=
Exponent2: GYxP1Pa7CAwtHm8SAGX594qZVofOMhgd6YFCNyeVpKE=
Coefficient: icQdNRjlZGPmuJm2TIadubcO8X7V4y07aVhX464tx8Q=
`,
};

const SHA512: Example = {
  algorithm: 10,
  tag: 3740,
  key: `AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D
    7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL`,
  signature: `tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJR
    fDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=`,
  privateFile: `Private-key-format: v1.2
Algorithm: 10 (RSASHA512)
Modulus: 0eg1M5b563zoq4k5ZEOnWmd2/BvpjzedJVdfIsDcMuuhE5SQ3pfQ7qmdaeMlC6Nf8DKGoUPGPXe06cP27/WRODtxXquSUytkO0kJDk8KX8PtA0+yBWwy7UnZDyCkynO00Uuk8HPVtZeMO1pHtlAGVnc8VjXZlNKdyit99waaE4s=
PublicExponent: AQAB
PrivateExponent: rFS1IPbJllFFgFc33B5DDlC1egO8e81P4fFadODbp56V7sphKa6AZQCx8NYAew6VXFFPAKTw41QdHnK5kIYOwxvfFDjDcUGza88qbjyrDPSJenkeZbISMUSSqy7AMFzEolkk6WSn6k3thUVRgSlqDoOV3SEIAsrB043XzGrKIVE=
Prime1: 8mbtsu9Tl9v7tKSHdCIeprLIQXQLzxlSZun5T1n/OjvXSUtvD7xnZJ+LHqaBj1dIgMbCq2U8O04QVcK3TS9GiQ==
Prime2: 3a6gkfs74d0Jb7yL4j4adAif4fcp7ZrGt7G5NRVDDY/Mv4TERAKMa0TKN3okKE0A7X+Rv2K84mhT4QLDlllEcw==
Exponent1: v3D5A9uuCn5rgVR7wgV8ba0/KSpsdSiLgsoA42GxiB1gvvs7gJMMmVTDu/ZG1p1ZnpLbhh/S/Qd/MSwyNlxC+Q==
Exponent2: m+ezf9dsDvYQK+gzjOLWYeKq5xWYBEYFGa3BLocMiF4oxkzOZ3JPZSWU/h1Fjp5RV7aPP0Vmx+hNjYMPIQ8Y5w==
Coefficient: Je5YhYpUron/WdOXjxNAxDubAp3i5X7UOUfhJcyIggqwY86IE0Q/Bk0Dw4SC9zxnsimmdBXW2Izd8Lwuk8FQcQ==
`,
};

for (const example of [SHA256, SHA512])
  it(`algorithm ${example.algorithm}: tag, signature made and verified (section 6)`, () => {
    const rdata = dnskey(256, example.algorithm, example.key);
    assert.equal(keyTag(rdata), example.tag);
    const data = signedData({ ...RECORD, algorithm: example.algorithm, tag: example.tag });
    const signature = base64(example.signature);
    assert.ok(new Verifier(rdata).verify(data, signature));
    assert.ok(!new Verifier(rdata).verify(data.subarray(1), signature));
    const file = readPrivateFile('example.private', Buffer.from(example.privateFile));
    assert.equal(file.formatVersion, '1.2');
    const signer = new LocalSigner(privateKeyMaterial(example.algorithm, rdata, file.fields));
    assert.equal(signer.signatureLength, signature.length);
    assert.deepEqual(Uint8Array.from(signer.sign(data)), signature);
  });

it('section 2.2: RSA/SHA-512 takes no key below 1024 bits', () => {
  const short = dnskey(256, 10, SHA256.key);
  assert.match(new Verifier(short).fault ?? '', /512 bits is below 1024/);
});
