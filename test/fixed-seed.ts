import fc from 'fast-check';

/**
 * Loaded before every test file: property tests draw the same cases each time, so that a run tells of a change and never of chance.
 * `SIGNET_SEED=N npm test` draws others; tests with a seed of their own keep it.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['SIGNET_SEED'] ?? 7583) });
