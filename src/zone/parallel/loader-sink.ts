import { SignetError } from '../../base/error.ts';
import type { RecordPlace, RecordSink } from '../../zonefile/scanner.ts';
import type { ZoneLoader } from '../store/zone-loader.ts';

/** Hands records to the store's loader. */
export class LoaderSink implements RecordSink {
  readonly #loader: ZoneLoader;

  constructor(loader: ZoneLoader) {
    this.#loader = loader;
  }

  record(
    owner: Uint8Array,
    _ownerLength: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    rdataLength: number,
    place: RecordPlace,
  ): void {
    try {
      this.#loader.add(owner, 0, type, ttl, rdata, 0, rdataLength);
    } catch (cause) {
      // An NSEC3 owner that is no hash cannot be stored: the file is wrong there, not the store.
      if (!(cause instanceof SignetError) || cause.code !== 'NSEC3_OWNER') throw cause;
      place.report('error', 'MASTER_FILE_OWNER', cause.message, 'invalid NSEC3 owner name');
    }
  }
}
