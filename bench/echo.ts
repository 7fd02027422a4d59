/*
 * The floor of `bench:serve`: echoes datagrams through native/udp in batches, with answers of one size and nothing looked up. What
 * this costs is what the kernel and the crossing into JavaScript take of every answer.
 *   node bench/echo.ts <udp.node> <port> <octets of an answer>
 */
import { NativeEndpoint } from '../src/net/native-endpoint.ts';
import { loadNativeModule } from '../src/net/native-module.ts';
import { RECEIVE_BUFFER } from '../src/net/udp-adapter.ts';

const [file, port, size] = process.argv.slice(2);
const found = loadNativeModule(file);
if (found.module === undefined) throw new Error(found.reason);
const endpoint = await NativeEndpoint.bind(
  { address: '127.0.0.1', port: Number(port), receiveBuffer: RECEIVE_BUFFER },
  found.module,
);
const octets = Number(size);
endpoint.receive((batch) => {
  for (let i = 0; i < batch.count; i++) {
    const query = batch.received[i];
    const answer = batch.answers[i];
    const length = batch.receivedLength[i];
    for (let k = 0; k < length; k++) answer[k] = query[k];
    // QR and AA, NOERROR, one answer: dnsperf and the wait for the first answer look no further.
    answer[2] |= 0x84;
    answer[3] = 0;
    answer[7] = 1;
    batch.answerLength[i] = Math.max(length, octets);
  }
});
