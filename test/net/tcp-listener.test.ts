import { streamCompliance } from './stream-suite.ts';

streamCompliance('TCP');
