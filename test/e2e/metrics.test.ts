/** /metrics and /healthz of a real kelpied, over real HTTP. */
import { type OutgoingHttpHeaders, request } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { type Health, serveTelemetry } from '../../server/edge/http/server.js';
import { Telemetry } from '../../server/ops/telemetry.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { runKelpie } from '../support/process/cli.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire/wire.js';

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

async function ask(
  base: string,
  path: string,
  method = 'GET',
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const call = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode, type: response.headers['content-type'], text }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}

/** The log line of the start names the address of the metrics. */
async function metricsOf(kelpied: Kelpied): Promise<string> {
  const pattern = /"metrics":"([^"]+)"/;
  await until(() => pattern.test(kelpied.errors()));
  return pattern.exec(kelpied.errors())?.[1] ?? '';
}

describe('metrics of kelpied', () => {
  let kelpied: Kelpied;
  let base: string;
  let wire: Wire;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '30']);
    base = await metricsOf(kelpied);
    wire = new Wire(kelpied.endpoint);
  });
  after(async () => {
    wire.close();
    await kelpied.kill();
  });

  /** The value of one series of the network main, or of the coordinator; 0 if there is none. */
  const value = async (series: string): Promise<number> => {
    const { text } = await ask(base, '/metrics');
    const ofMain = text.replaceAll('{network="main"}', '').replaceAll('network="main",', '');
    const line = ofMain.split('\n').find((one) => one.startsWith(`${series} `));
    return Number(line?.slice(series.length) ?? 0);
  };

  const becomes = async (series: string, wanted: number): Promise<void> => {
    while ((await value(series)) !== wanted);
  };

  it('are in the format of Prometheus, those of the process included', async () => {
    const { status, type, text } = await ask(base, '/metrics?now');
    expect(status).to.equal(200);
    expect(type).to.match(/^text\/plain; version=0\.0\.4/);
    expect(text).to.include('# TYPE kelpie_sessions gauge');
    expect(text).to.match(/^nodejs_eventloop_lag_p99_seconds \d/m);
    expect(text).to.match(/^process_resident_memory_bytes \d/m);
  });

  it('are served while others hold many connections open, and again when these are closed', async () => {
    const port = Number(new URL(base).port);
    let over = false;
    const sockets = new Set<Socket>();
    const hold = (): void => {
      if (over) return;
      const socket = createConnection(port, '127.0.0.1').on('error', () => undefined);
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        setTimeout(hold, 1);
      });
    };
    for (let count = 0; count < 300; count++) hold();
    try {
      for (let asked = 0; asked < 20; asked++) {
        const startMs = performance.now();
        expect((await ask(base, '/healthz')).text).to.equal('serving\n');
        expect(performance.now() - startMs).to.be.lessThan(2000);
      }
    } finally {
      over = true;
      for (const socket of sockets) socket.destroy();
    }
  });

  it('count sessions, nodes, messages and refusals', async () => {
    const { stream: lobby } = await wire.join('lobby-1', { role: 'NODE_ROLE_DOWNSTREAM' });
    const { stream: proxy } = await wire.join('proxy-1', { role: 'NODE_ROLE_PROXY' });
    expect(await value('kelpie_sessions{role="DOWNSTREAM"}')).to.equal(1);
    expect(await value('kelpie_sessions{role="PROXY"}')).to.equal(1);
    expect(await value('kelpie_sessions{role="SERVICE"}')).to.equal(0);
    expect(await value('kelpie_nodes{role="PROXY",state="READY"}')).to.equal(1);
    expect(await value('kelpie_sessions_opened_total{outcome="NEW"}')).to.equal(2);

    await wire.hello('Not A Name').ended();
    expect(await value('kelpie_sessions_refused_total{reason="NODE_NAME_INVALID"}')).to.equal(1);

    const published = await runKelpie(['publish', 'chat.a', 'hello'], kelpied.endpoint);
    expect(published.code).to.equal(0);
    expect(await value('kelpie_published_events_total')).to.equal(1);
    expect(await value('kelpie_published_bytes_total')).to.be.greaterThan(10);
    expect(await value('kelpie_journal_entries')).to.equal(5);
    expect(await value('kelpie_journal_bytes')).to.be.greaterThan(100);
    expect(await value('kelpie_journal_head_sequence')).to.be.greaterThan(1e15);
    expect(await value('kelpie_journal_append_seconds_count')).to.equal(3);

    lobby.send({ request_id: 7, ack: { sequence: 1 } });
    await lobby.answer(7);
    expect(await value('kelpie_requests_failed_total{reason="ACK_INVALID"}')).to.equal(1);

    lobby.send({ goodbye: { reason: 'GOODBYE_REASON_STOPPED' } });
    await lobby.ended();
    expect(await value('kelpie_nodes_left_total{reason="STOPPED"}')).to.equal(1);
    await becomes('kelpie_sessions_ended_total{reason="STOPPED"}', 1);
    expect(await value('kelpie_sessions{role="DOWNSTREAM"}')).to.equal(0);

    proxy.cut();
    await becomes('kelpie_sessions_ended_total{reason="LOST"}', 1);
    await becomes('kelpie_nodes{role="PROXY",state="UNREACHABLE"}', 1);
    expect(await value('kelpie_faults_total')).to.equal(0);
  });

  it('count shared values and their bytes', async () => {
    const api = apiAt(kelpied.endpoint);
    await api.state.put('maps', 'arena', 'x'.repeat(1000));
    await api.state.put('maps', 'hub', 'x');
    expect(await value('kelpie_values')).to.equal(2);
    expect(await value('kelpie_value_bytes')).to.be.within(1001, 1300);
    for (const key of ['arena', 'hub']) await api.state.delete('maps', key);
    expect([await value('kelpie_values'), await value('kelpie_value_bytes')]).to.deep.equal([0, 0]);
    api.close();
  });

  it('count calls by method and code, and measure calls that are not streams', async () => {
    const missing = await runKelpie(['nodes', '--json'], kelpied.endpoint);
    expect(missing.code).to.equal(0);
    const list = '/kelpie.v1.NodeService/ListNodes';
    expect(await value(`kelpie_rpc_calls_total{method="${list}",code="OK"}`)).to.equal(1);
    expect(await value(`kelpie_rpc_seconds_count{method="${list}"}`)).to.equal(1);
    const connect = '/kelpie.v1.SessionService/Connect';
    const refused = `kelpie_rpc_calls_total{method="${connect}",code="INVALID_ARGUMENT"}`;
    expect(await value(refused)).to.equal(1);
    // One stream ended with Goodbye; the other was cut, which may also look like a normal end.
    const ended = (code: string) =>
      value(`kelpie_rpc_calls_total{method="${connect}",code="${code}"}`);
    while ((await ended('OK')) + (await ended('CANCELLED')) !== 2);
    expect(await value(`kelpie_rpc_seconds_count{method="${connect}"}`)).to.equal(0);
  });

  it('have only /healthz beside them, and allow reads only', async () => {
    expect((await ask(base, '/healthz')).text).to.equal('serving\n');
    expect(await ask(base, '/healthz', 'HEAD')).to.include({ status: 200, text: '' });
    for (const path of ['/', '/metrics/', '/healthz/x', '//metrics', '/%2e%2e/etc/passwd']) {
      expect((await ask(base, path)).status, path).to.equal(404);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask(base, '/metrics', method)).status, method).to.equal(405);
    }
    const long = await ask(base, '/metrics', 'GET', { cookie: 'x'.repeat(9000) });
    expect(long.status).to.equal(431);
  });

  it('answer 503 on /healthz during the drain, and are served until its end', async () => {
    const mine = await startKelpied(['--drain-seconds', '30']);
    const url = await metricsOf(mine);
    const other = new Wire(mine.endpoint);
    const { stream } = await other.join('stays');
    expect((await ask(url, '/healthz')).status).to.equal(200);
    const stopped = mine.stop();
    await stream.next('drain');
    expect(await ask(url, '/healthz')).to.include({ status: 503, text: 'draining\n' });
    expect((await ask(url, '/metrics')).text).to.match(/^kelpie_draining 1$/m);
    stream.send({ goodbye: { reason: 'GOODBYE_REASON_DRAINED' } });
    expect(await stopped).to.equal(0);
    other.close();
  });

  it('answer 503 on /healthz before the coordinator serves', async () => {
    let health: Health = 'starting';
    const address = { host: '127.0.0.1', port: 0 };
    const pages = await serveTelemetry(address, new Telemetry(), () => health);
    expect(await ask(pages.url, '/healthz')).to.include({ status: 503, text: 'starting\n' });
    // The metrics of the coordinator do not exist yet.
    expect((await ask(pages.url, '/metrics')).status).to.equal(200);
    health = 'serving';
    expect((await ask(pages.url, '/healthz')).status).to.equal(200);
    await pages.close();
  });

  it('can be switched off', async () => {
    const mine = await startKelpied(['--metrics-port', 'off']);
    expect(await mine.stop()).to.equal(0);
    expect(mine.errors()).to.include('"listening"').and.not.include('"metrics"');
  });

  it('end kelpied with 1 and a message that says what to do when their port is taken', async () => {
    const { port } = new URL(base);
    const { code, errors } = await runKelpied(['--port', '0', '--metrics-port', port]);
    expect(code).to.equal(1);
    expect(errors).to.include(`127.0.0.1:${port}`).and.include('--metrics-port');
  });
});
