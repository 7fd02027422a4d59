import { genericType } from './generic.ts';

/** Anything at all, experimental (RFC 1035 section 3.3.10): only the generic form of RFC 3597 in text. */
export const NULL = genericType(10);
