/** Redis through the library that Kelpie uses too, with its own defaults. It batches the commands of one turn. */
import { createClient } from '@redis/client';

export async function dial(url: string) {
  const client = createClient({ url });
  client.on('error', (error: unknown) => {
    throw error;
  });
  await client.connect();
  return client;
}

export type Client = Awaited<ReturnType<typeof dial>>;

export function dialAll(url: string, count: number): Promise<Client[]> {
  return Promise.all(Array.from({ length: count }, () => dial(url)));
}

/** Closes them when all commands have their answers. */
export async function closeAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}
