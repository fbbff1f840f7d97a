/** RakNet's unconnected ping: what a Bedrock client sends to a server in its list. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { randomBytes } from 'node:crypto';

const ANSWER_MS = 1000;
const PING = 0x01;
const PONG = 0x1c;
const MAGIC = Buffer.from('00ffff00fefefefefdfdfdfd12345678', 'hex');
const GUID_BYTES = 8;
/** A pong: its id, our time, the server's guid, the magic, then the server's description. */
const TIME_AT = 1;
const MAGIC_AT = 17;

/** Resolves with why nothing answered as a Bedrock server does; undefined if one did. */
export async function ping(host: string, port: number): Promise<string | undefined> {
  const found = await lookup(host).catch(() => undefined);
  if (!found) return 'its name has no address';
  // Eight bytes that are the ping's own, where RakNet has the sender's time.
  const time = randomBytes(8);
  const guid = randomBytes(GUID_BYTES);
  return new Promise((resolve) => {
    const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    const settle = (why?: string): void => {
      clearTimeout(late);
      socket.close();
      resolve(why);
    };
    const late = setTimeout(() => settle(`no answer in ${ANSWER_MS / 1000} s`), ANSWER_MS);
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code === 'ECONNREFUSED' ? 'nobody listens there' : `cannot be reached (${code})`),
    );
    socket.on('message', (answer) => {
      const mine = answer.subarray(TIME_AT, TIME_AT + time.length).equals(time);
      const magic = answer.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length).equals(MAGIC);
      settle(answer[0] === PONG && mine && magic ? undefined : 'what answers is no Bedrock server');
    });
    // A connected socket receives from this address alone, and reports a closed port.
    socket.connect(port, found.address, () => {
      socket.send(Buffer.concat([Buffer.from([PING]), time, MAGIC, guid]));
    });
  });
}
