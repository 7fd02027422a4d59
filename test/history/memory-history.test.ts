import { MemoryHistory } from '../../src/history/memory-history.ts';
import { describeHistory } from './history-compliance.ts';

describeHistory('MemoryHistory', (maxEvents) => {
  const history = new MemoryHistory(maxEvents === undefined ? {} : { maxEvents });
  return { history, dispose: () => history[Symbol.dispose]() };
});
