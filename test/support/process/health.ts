/** grpc.health.v1, as a load balancer uses it. */
import { Client, credentials } from '@grpc/grpc-js';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';

const LOADING = { enums: String, defaults: true };

const health = fromJSON(
  {
    nested: {
      grpc: {
        nested: {
          health: {
            nested: {
              v1: {
                nested: {
                  Request: { fields: { service: { type: 'string', id: 1 } } },
                  Response: { fields: { status: { type: 'Status', id: 1 } } },
                  Status: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2 } },
                  Health: {
                    methods: {
                      Check: { requestType: 'Request', responseType: 'Response', comment: '' },
                      Watch: {
                        requestType: 'Request',
                        responseType: 'Response',
                        responseStream: true,
                        comment: '',
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
  LOADING,
);

/** The health that the coordinator reports of one of its services; of itself for the empty name. */
export async function healthOf(endpoint: string, service: string): Promise<string> {
  const check = (health['grpc.health.v1.Health'] as ServiceDefinition)['Check'];
  if (!check) throw new Error('there is no Check');
  const client = new Client(endpoint, credentials.createInsecure());
  try {
    return await new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        (bytes) => (check.responseDeserialize(bytes) as { status: string }).status,
        { service },
        (error, status) => {
          if (status === undefined) reject(error ?? new Error('no answer'));
          else resolve(status);
        },
      );
    });
  } finally {
    client.close();
  }
}

/** A client that watches the health. */
export class HealthWatch {
  /** The first status. */
  readonly first: Promise<string>;
  readonly #client: Client;

  constructor(endpoint: string) {
    const watch = (health['grpc.health.v1.Health'] as ServiceDefinition)['Watch'];
    if (!watch) throw new Error('there is no Watch');
    this.#client = new Client(endpoint, credentials.createInsecure());
    const stream = this.#client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      (bytes) => (watch.responseDeserialize(bytes) as { status: string }).status,
      { service: '' },
    );
    stream.on('error', () => undefined);
    this.first = new Promise((resolve) => stream.once('data', resolve));
  }

  close(): void {
    this.#client.close();
  }
}
