/** The program kelpied as an operator uses it: its output and its exit codes. */
import { createFileRegistry, type FileRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials } from '@grpc/grpc-js';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import { expect } from 'chai';
import { ErrorInfo } from 'nice-grpc-error-details';
import { healthOf } from '../support/process/health.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';

const UNAVAILABLE = 14;

const SERVICES = ['CoordinatorService', 'EventService', 'NodeService', 'SessionService'].map(
  (name) => `kelpie.v1.${name}`,
);

describe('kelpied', () => {
  let kelpied: Kelpied;

  before(async () => {
    kelpied = await startKelpied();
  });

  after(() => kelpied.stop());

  describe('when it starts', () => {
    it('prints its address, and commands that work with that address', () => {
      const lines = kelpied.output().split('\n');
      expect(lines[0]).to.match(/^kelpied \d+\.\d+\.\d+\S* listens on 127\.0\.0\.1:\d+ /);
      expect(lines[0]).to.include(kelpied.endpoint);
      const commands = lines.filter((line) => line.includes('npx kelpie'));
      expect(commands).to.have.length.above(1);
      for (const command of commands) {
        expect(command).to.include(`KELPIE_ENDPOINTS=${kelpied.endpoint} npx kelpie`);
      }
    });

    it('takes settings from the environment too, and the command line wins', async () => {
      // The port of each setting is in use, so kelpied names that port and ends.
      const port = String(kelpied.port);
      const [byVariable, byFlag] = await Promise.all([
        runKelpied([], { KELPIE_PORT: port }),
        runKelpied(['--port', port], { KELPIE_PORT: '0' }),
      ]);
      expect(byVariable.errors).to.include(`${kelpied.endpoint} is taken`);
      expect(byFlag.errors).to.include(`${kelpied.endpoint} is taken`);
    });

    it('ends with 1 and says what to do when its port is taken', async () => {
      const { code, output, errors } = await runKelpied(['--port', String(kelpied.port)]);
      expect(code).to.equal(1);
      expect(output).to.equal('');
      expect(errors.trim().split('\n')).to.have.length(1);
      expect(errors).to.include(`${kelpied.endpoint} is taken`).and.include('--port');
    });

    const wrong: [string, string[], NodeJS.ProcessEnv, RegExp][] = [
      ['an unknown flag', ['--prot', '0'], {}, /unknown option '--prot'.*--port/s],
      ['an unknown command', ['start'], {}, /no command 'start'.*--help/],
      ['an unknown variable', [], { KELPIE_PROT: '0' }, /KELPIE_PROT.*KELPIE_PORT\?/],
      ['a variable far from any', [], { KELPIE_GRACE: '5' }, /KELPIE_GRACE.*KELPIE_\w+\?/],
      ['a port out of range', ['--port', '65536'], {}, /'65536'.*0 to 65535/],
      [
        'a port that is not a number',
        [],
        { KELPIE_PORT: 'http' },
        /'http'.*KELPIE_PORT.*0 to 65535/,
      ],
      ['a fraction of a second', ['--grace-seconds', '2.5'], {}, /whole number from 2 to 3600/],
      [
        'a host that other machines can reach',
        ['--host', '0.0.0.0'],
        {},
        /0\.0\.0\.0.*127\.0\.0\.1.*--insecure/,
      ],
      ['a host by variable', [], { KELPIE_HOST: '::' }, /--insecure/],
      ['a control sequence of terminals', ['\u001b[31m'], {}, /no command '\\u001b\[31m'/],
      [
        'an --insecure that is neither true nor false',
        [],
        { KELPIE_INSECURE: 'maybe' },
        /true or false/,
      ],
    ];
    for (const [what, args, env, sentence] of wrong) {
      it(`ends with 2 and a message that says what is wrong for ${what}`, async () => {
        const { code, output, errors } = await runKelpied(args, env);
        expect(errors).to.match(sentence);
        expect(output).to.equal('');
        expect(code).to.equal(2);
      });
    }

    it('ends with 0 for --help, which names every option with its variable', async () => {
      const { code, output, errors } = await runKelpied(['--help']);
      expect(code).to.equal(0);
      expect(errors).to.equal('');
      const options = ['HOST', 'PORT', 'INSECURE', 'GRACE_SECONDS', 'DRAIN_SECONDS'];
      for (const name of options) {
        expect(output).to.include(`KELPIE_${name}`);
        expect(output).to.include(`--${name.toLowerCase().replaceAll('_', '-')}`);
      }
    });

    it('ends with 0 for --version', async () => {
      const { code, output } = await runKelpied(['--version']);
      expect(code).to.equal(0);
      expect(output).to.match(/^\d+\.\d+\.\d+\S*\n$/);
    });
  });

  describe('when it gets SIGTERM', () => {
    it('asks its sessions to move on, waits for them, and ends with 0', async () => {
      const mine = await startKelpied(['--drain-seconds', '30']);
      const wire = new Wire(mine.endpoint);
      const { stream: one } = await wire.join('one', { topics: ['nodes.*'] });
      const { stream: two } = await wire.join('two');
      const watch = wire.watch(['nodes.*'], { at: 'START_AT_SNAPSHOT' });
      await watch.next('snapshot');
      expect(await healthOf(mine.endpoint, '')).to.equal('SERVING');

      const stopped = mine.stop();
      for (const stream of [one, two]) {
        const drain = await stream.next('drain');
        expect(drain.grace).to.deep.equal({ seconds: 30, nanos: 0 });
        expect(drain.reconnect_window).to.deep.equal({ seconds: 1, nanos: 0 });
      }
      expect(await healthOf(mine.endpoint, '')).to.equal('NOT_SERVING');
      const late = await wire.hello('late').ended();
      expect(late.code).to.equal(UNAVAILABLE);
      expect(late.error?.reason).to.equal('ERROR_REASON_DRAINING');
      expect(late.error?.retry_after).to.deep.equal({ seconds: 0, nanos: 500_000_000 });
      expect((await watch.ended()).error?.reason).to.equal('ERROR_REASON_DRAINING');

      // A session still works during the drain.
      one.send({ request_id: 1, heartbeat: {} });
      expect((await one.answer(1)).frame).to.equal('heartbeat_ack');
      for (const stream of [two, one])
        stream.send({ goodbye: { reason: 'GOODBYE_REASON_DRAINED' } });
      expect((await one.ended()).code).to.equal(0);
      expect((await two.ended()).code).to.equal(0);
      expect(await stopped).to.equal(0);
      // The other node moved on: it was neither lost nor did it leave.
      const news = one.frames.flatMap(({ event_batch: batch }) => batch?.events ?? []);
      expect(news.map(({ body }) => body)).to.deep.equal(['node_joined']);
      wire.close();
    });

    it('ends the remaining sessions with DRAINING after --drain-seconds, and ends with 0', async () => {
      const mine = await startKelpied(['--drain-seconds', '1']);
      const wire = new Wire(mine.endpoint);
      const { stream } = await wire.join('stays');
      const stopped = mine.stop();
      const end = await stream.ended();
      expect(stream.kinds).to.deep.equal(['welcome', 'drain']);
      expect(end.code).to.equal(UNAVAILABLE);
      expect(end.error?.reason).to.equal('ERROR_REASON_DRAINING');
      expect(await stopped).to.equal(0);
      wire.close();
    });

    it('ends with 1 at once when it gets a second SIGTERM', async () => {
      const mine = await startKelpied(['--drain-seconds', '30']);
      const wire = new Wire(mine.endpoint);
      const { stream } = await wire.join('stays');
      const stopped = mine.stop();
      await stream.next('drain');
      mine.process.kill('SIGTERM');
      expect(await stopped).to.equal(1);
      expect((await stream.ended()).code).to.equal(UNAVAILABLE);
      wire.close();
    });
  });

  describe('for tools that know gRPC but not Kelpie', () => {
    it('is SERVING, as a whole and service by service', async () => {
      for (const service of ['', ...SERVICES]) {
        expect(await healthOf(kelpied.endpoint, service), service).to.equal('SERVING');
      }
    });

    for (const version of ['v1', 'v1alpha']) {
      it(`lists its services and their files by reflection ${version}`, async () => {
        const listed = await reflect(kelpied, version, { list_services: '*' });
        const names = listed.list_services_response?.service.map(({ name }) => name);
        expect(names).to.include.members([...SERVICES, 'grpc.health.v1.Health']);
        for (const symbol of SERVICES) {
          const found = await reflect(kelpied, version, { file_containing_symbol: symbol });
          const files = found.file_descriptor_response?.file_descriptor_proto ?? [];
          const text = Buffer.concat(files).toString('latin1');
          expect(text).to.include(symbol.replace('kelpie.v1.', ''));
        }
      });
    }

    for (const symbol of [
      'google.rpc.ErrorInfo',
      'google.rpc.RetryInfo',
      'kelpie.v1.ErrorDetail',
    ]) {
      it(`shows the details of errors with all files that a reader of them needs: ${symbol}`, async () => {
        const details = await resolved(kelpied, symbol);
        expect(details.getMessage(symbol)?.typeName).to.equal(symbol);
      });
    }

    it('shows the files of the health service and of statuses', async () => {
      const health = (await resolved(kelpied, 'grpc.health.v1.Health')).getService(
        'grpc.health.v1.Health',
      );
      expect(health?.methods.map(({ name }) => name)).to.deep.equal(['Check', 'Watch']);
      expect(
        (await resolved(kelpied, 'google.rpc.Status')).getMessage('google.rpc.Status'),
      ).to.be.an('object');
    });

    it('shows the same details of google.rpc as Google', async () => {
      const type = (await resolved(kelpied, 'google.rpc.ErrorInfo')).getMessage(
        'google.rpc.ErrorInfo',
      );
      if (!type) throw new Error('there is no ErrorInfo');
      const facts = {
        reason: 'NODE_NOT_FOUND',
        domain: 'kelpie.v1',
        metadata: { name: 'lobby-1' },
      };
      const bytes = ErrorInfo.encode(ErrorInfo.fromPartial(facts)).finish();
      expect(toJson(type, fromBinary(type, bytes))).to.deep.equal(facts);
    });
  });

  it('stops cleanly although no process reads its output any more', async () => {
    const deaf = await startKelpied();
    deaf.process.stdout?.destroy();
    expect(await deaf.stop()).to.equal(0);
  });
});

const LOADING = { keepCase: true, enums: String, defaults: true, oneofs: true };

interface Reflected {
  list_services_response?: { service: { name: string }[] };
  file_descriptor_response?: { file_descriptor_proto: Buffer[] };
  error_response?: { error_code: number; error_message: string };
}

/** The messages of grpc/reflection that the test needs. They are the same in both versions. */
function reflection(version: string): ServiceDefinition[string] {
  const fields = (...types: [name: string, type: string, id: number, rule?: 'repeated'][]) =>
    Object.fromEntries(
      types.map(([name, type, id, rule]) => [name, { type, id, ...(rule && { rule }) }]),
    );
  const pack = fromJSON(
    {
      nested: {
        Request: {
          fields: fields(
            ['file_by_filename', 'string', 3],
            ['file_containing_symbol', 'string', 4],
            ['list_services', 'string', 7],
          ),
          oneofs: {
            request: { oneof: ['file_by_filename', 'file_containing_symbol', 'list_services'] },
          },
        },
        Response: {
          fields: fields(
            ['file_descriptor_response', 'Files', 4],
            ['list_services_response', 'Services', 6],
            ['error_response', 'Failure', 7],
          ),
        },
        Files: { fields: fields(['file_descriptor_proto', 'bytes', 1, 'repeated']) },
        Services: { fields: fields(['service', 'Service', 1, 'repeated']) },
        Service: { fields: fields(['name', 'string', 1]) },
        Failure: { fields: fields(['error_code', 'int32', 1], ['error_message', 'string', 2]) },
        ServerReflection: {
          methods: {
            ServerReflectionInfo: { requestType: 'Request', responseType: 'Response', comment: '' },
          },
        },
      },
    },
    LOADING,
  );
  const method = (pack['ServerReflection'] as ServiceDefinition)['ServerReflectionInfo'];
  if (!method) throw new Error('there is no ServerReflectionInfo');
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  return { ...method, path };
}

/** The files that a tool fetches for a symbol: its own file, and each file that this one imports. */
async function resolved(kelpied: Kelpied, symbol: string): Promise<FileRegistry> {
  const files = new Map<string, FileDescriptorProto>();
  const ask = async (request: object): Promise<FileDescriptorProto> => {
    const { file_descriptor_response: found, error_response } = await reflect(
      kelpied,
      'v1',
      request,
    );
    const [bytes] = found?.file_descriptor_proto ?? [];
    if (!bytes) throw new Error(error_response?.error_message ?? 'no file');
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    files.set(file.name, file);
    for (const name of file.dependency) {
      if (!files.has(name)) await ask({ file_by_filename: name });
    }
    return file;
  };
  const file = await ask({ file_containing_symbol: symbol });
  return createFileRegistry(file, (name) => files.get(name));
}

async function reflect({ endpoint }: Kelpied, version: string, request: object) {
  const { path, requestSerialize, responseDeserialize } = reflection(version);
  const client = new Client(endpoint, credentials.createInsecure());
  try {
    return await new Promise<Reflected>((resolve, reject) => {
      const call = client.makeBidiStreamRequest(
        path,
        requestSerialize,
        (bytes) => responseDeserialize(bytes) as Reflected,
      );
      call.on('data', resolve);
      call.on('error', reject);
      call.write(request);
      call.end();
    });
  } finally {
    client.close();
  }
}
