/**
 * Records calls as spans of OpenTelemetry, if the process registers an SDK: children of the span that the
 * caller's `traceparent` names. Without an SDK it records nothing and costs nothing.
 */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { type Metadata, Status } from 'nice-grpc';

/** The span of a call. */
export interface CallSpan {
  /** Runs the call's work inside of the span. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  end(code: string): void;
}

/** Codes that OpenTelemetry's conventions count as a server's error. */
const SERVER_ERRORS = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE'];

const fromMetadata: TextMapGetter<Metadata> = {
  get: (metadata, key) => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  },
  keys: (metadata) => [...metadata].map(([key]) => key),
};

/** Begins the span of the call with this path, `/kelpie.v1.NodeService/GetNode`. */
export function startSpan(path: string, metadata: Metadata, version: string): CallSpan {
  const [, service = '', method = ''] = path.split('/');
  const parent = propagation.extract(ROOT_CONTEXT, metadata, fromMetadata);
  const span = trace.getTracer('kelpie', version).startSpan(
    `${service}/${method}`,
    {
      kind: SpanKind.SERVER,
      attributes: { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method },
    },
    parent,
  );
  return {
    run: (work) => context.with(trace.setSpan(parent, span), work),
    end: (code) => {
      span.setAttribute('rpc.grpc.status_code', Status[code as keyof typeof Status]);
      if (SERVER_ERRORS.includes(code)) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}
