import { getPriority, setPriority } from 'node:os';

/** The nicest that a thread can be (setpriority(2)). */
const NICEST = 19;

/**
 * Has the calling thread give way to the others of the machine: `steps` nicer than it is. On Linux niceness is a thread's own, and
 * threads that it starts later inherit it. There is no way back without privileges.
 */
export function lowerPriority(steps: number): void {
  setPriority(Math.min(NICEST, getPriority() + steps));
}
