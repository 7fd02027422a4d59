import type { SignatureTaker } from '../device/crypto-device.ts';
import type { Mechanism } from '../hal-constants.ts';
import { type PoolDevice, WEIGHT } from './pool-device.ts';

/** What is to be signed, for another device if the first one goes away. */
export interface SigningOrder {
  /** Of the client. */
  readonly number: number;
  readonly uuid: string;
  readonly mechanism: Mechanism;
  readonly data: Uint8Array;
}

/** Rejects with the failure when it is no other device's affair. @param life the device's when the call began */
export type SignElsewhere = (
  failed: PoolDevice,
  life: number,
  failure: unknown,
  order: SigningOrder,
) => Promise<Uint8Array>;

/** A signature under way on a device: the way from the RPC port to a device and back has no promise, as long as nothing fails. */
export class Signing implements SignatureTaker {
  readonly #one: PoolDevice;
  readonly #taker: SignatureTaker;
  readonly #elsewhere: SignElsewhere;
  readonly #order: SigningOrder;
  readonly #life: number;
  readonly #began: number;

  /** Counts the call on the device from now on. */
  constructor(one: PoolDevice, taker: SignatureTaker, elsewhere: SignElsewhere, order: SigningOrder) {
    this.#one = one;
    this.#taker = taker;
    this.#elsewhere = elsewhere;
    this.#order = order;
    this.#life = one.life;
    this.#began = one.begin(WEIGHT.SIGN);
  }

  signed(signature: Uint8Array): void {
    this.#one.end(WEIGHT.SIGN, this.#began);
    this.#taker.signed(signature);
  }

  refused(fault: unknown): void {
    this.#one.noteFailure(fault);
    this.#one.end(WEIGHT.SIGN, this.#began);
    takeLater(this.#elsewhere(this.#one, this.#life, fault, this.#order), this.#taker);
  }
}

export function takeLater(signature: Promise<Uint8Array>, taker: SignatureTaker): void {
  signature.then(
    (octets) => taker.signed(octets),
    (fault: unknown) => taker.refused(fault),
  );
}
