/** The smallest Bedrock server: it answers RakNet's unconnected ping, or with what a test wants. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const MAGIC = Buffer.from('00ffff00fefefefefdfdfdfd12345678', 'hex');

export interface BedrockServer {
  readonly port: number;
  /** The pings that came. */
  readonly pings: readonly Buffer[];
  close(): void;
}

/** `answer`: what is sent back for a ping; undefined: nothing. */
export async function startBedrockServer(
  answer: (ping: Buffer) => Buffer | undefined = pong,
): Promise<BedrockServer> {
  const socket = createSocket('udp4');
  const pings: Buffer[] = [];
  socket.on('message', (ping, { port, address }) => {
    pings.push(ping);
    const answered = answer(ping);
    if (answered) socket.send(answered, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, pings, close: () => socket.close() };
}

/** By the protocol: our id, the time of the ping, the server's guid, the magic, a text with its length. */
export function pong(ping: Buffer): Buffer {
  const text = Buffer.from('MCPE;Lobby;800;1.21.80;3;20;1;Kelpie;Survival;');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([
    Buffer.from([0x1c]),
    ping.subarray(1, 9),
    Buffer.alloc(8, 7),
    MAGIC,
    length,
    text,
  ]);
}
