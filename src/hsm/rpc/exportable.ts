import { KeyFlag } from '../hal-constants.ts';

/**
 * By the setting ENABLE_EXPORTABLE_PRIVATE_KEYS (Diamond-HSM manual section 4.2.5): what is made gets the flag, unless it encrypts (KEKEKs stay
 * where they are). While it is FALSE no key gets it, whatever the client asks: that keys may leave is for who runs the HSM to say.
 */
export function withExportable(flags: number, isEnabled: boolean): number {
  if (!isEnabled) return flags & ~KeyFlag.EXPORTABLE;
  const encrypts = (flags & (KeyFlag.KEY_ENCIPHERMENT | KeyFlag.DATA_ENCIPHERMENT)) !== 0;
  return !encrypts ? flags | KeyFlag.EXPORTABLE : flags;
}
