/** Calls as spans, with a real OpenTelemetry SDK in the process that embeds the coordinator. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { expect } from 'chai';
import { Metadata } from 'nice-grpc-common';
import { type Api, reachApi } from '../support/wire/calls.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('tracing', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  let coordinator: Coordinator;
  let api: Api;
  let broken = false;

  before(async () => {
    provider.register();
    coordinator = await startCoordinator({
      journal: 'memory',
      port: 0,
      onFault: () => undefined,
      clock: {
        now: () => performance.now(),
        wall: () => {
          if (broken) throw new Error('the clock fell off the wall');
          // All work that a call starts runs inside its span.
          trace.getActiveSpan()?.addEvent('looked at the clock');
          return Date.now();
        },
        after: (delayMs, fire) => {
          const timer = setTimeout(fire, delayMs).unref();
          return () => clearTimeout(timer);
        },
      },
    });
    api = await reachApi([`${coordinator.host}:${coordinator.port}`]);
    exporter.reset();
  });

  after(async () => {
    api.close();
    await coordinator.stop();
    await provider.shutdown();
    for (const one of [trace, propagation, context]) one.disable();
  });

  beforeEach(() => exporter.reset());

  it('makes a span for a call, as child of the span that the caller names', async () => {
    const metadata = Metadata({ traceparent: `00-${TRACE}-${SPAN}-01` });
    await api.events.publishEvents(
      {
        events: [
          { topic: 'chat.a', payload: { content: { form: { $case: 'text', value: 'x' } } } },
        ],
      },
      { metadata },
    );
    const [span, ...more] = exporter.getFinishedSpans();
    expect(more).to.deep.equal([]);
    expect(span?.name).to.equal('kelpie.v1.EventService/PublishEvents');
    expect(span?.kind).to.equal(SpanKind.SERVER);
    expect(span?.spanContext().traceId).to.equal(TRACE);
    expect(span?.parentSpanContext?.spanId).to.equal(SPAN);
    expect(span?.status.code).to.equal(SpanStatusCode.UNSET);
    expect(span?.attributes).to.deep.equal({
      'rpc.system': 'grpc',
      'rpc.service': 'kelpie.v1.EventService',
      'rpc.method': 'PublishEvents',
      'rpc.grpc.status_code': 0,
    });
    expect(span?.events.map(({ name }) => name)).to.include('looked at the clock');
  });

  it('begins a trace if the caller names none, and distinguishes refusals from faults', async () => {
    await api.nodes.getNode({ name: 'nobody' }).catch(() => undefined);
    broken = true;
    await api.events.publishEvents({ events: [{ topic: 'chat.a' }] }).catch(() => undefined);
    broken = false;
    const [refused, failed] = exporter.getFinishedSpans();
    expect(refused?.parentSpanContext).to.equal(undefined);
    expect(refused?.attributes['rpc.grpc.status_code']).to.equal(5);
    expect(refused?.status.code).to.equal(SpanStatusCode.UNSET);
    expect(failed?.attributes['rpc.grpc.status_code']).to.equal(13);
    expect(failed?.status.code).to.equal(SpanStatusCode.ERROR);
  });

  it('makes no spans for streams', async () => {
    const abort = new AbortController();
    const watch = api.events.watchEvents(
      { topics: ['chat.*'], start: { place: { $case: 'at', value: 2 } } },
      { signal: abort.signal },
    );
    const first = watch[Symbol.asyncIterator]().next();
    await api.nodes.listNodes({});
    abort.abort();
    await first.then(
      () => undefined,
      () => undefined,
    );
    expect(exporter.getFinishedSpans().map(({ name }) => name)).to.deep.equal([
      'kelpie.v1.NodeService/ListNodes',
    ]);
  });
});
