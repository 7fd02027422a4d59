import type { RecordType } from './record-type.ts';
import { serviceType } from './svcb.ts';

/** Service binding of HTTPS (RFC 9460 section 9), in the form of SVCB. */
export const HTTPS: RecordType = serviceType(65);
