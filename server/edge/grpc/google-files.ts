/**
 * Descriptors of messages that are on the wire and not in the contract: the health service, and the google.rpc
 * details of errors that Kelpie sends. Tools such as grpcurl read them by reflection.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  type FileDescriptorProto,
  file_google_protobuf_any,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

const HEALTH = '.grpc.health.v1';
const label = Label.OPTIONAL;

const text = (name: string, number: number) => ({
  ...{ name, jsonName: name, number, label },
  type: Type.STRING,
});

const message = (name: string, number: number, typeName: string, jsonName = name) => ({
  ...{ name, jsonName, number, label, typeName },
  type: Type.MESSAGE,
});

const health = create(FileDescriptorProtoSchema, {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  syntax: 'proto3',
  messageType: [
    { name: 'HealthCheckRequest', field: [text('service', 1)] },
    {
      name: 'HealthCheckResponse',
      field: [
        {
          ...{ name: 'status', jsonName: 'status', number: 1, label, type: Type.ENUM },
          typeName: `${HEALTH}.HealthCheckResponse.ServingStatus`,
        },
      ],
      enumType: [
        {
          name: 'ServingStatus',
          value: ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'].map((name, number) => ({
            name,
            number,
          })),
        },
      ],
    },
  ],
  service: [
    {
      name: 'Health',
      method: [
        { name: 'Check', serverStreaming: false },
        { name: 'Watch', serverStreaming: true },
      ].map((method) => ({
        ...method,
        inputType: `${HEALTH}.HealthCheckRequest`,
        outputType: `${HEALTH}.HealthCheckResponse`,
      })),
    },
  ],
});

const details = create(FileDescriptorProtoSchema, {
  name: 'google/rpc/error_details.proto',
  package: 'google.rpc',
  syntax: 'proto3',
  dependency: ['google/protobuf/duration.proto'],
  messageType: [
    {
      name: 'RetryInfo',
      field: [message('retry_delay', 1, '.google.protobuf.Duration', 'retryDelay')],
    },
    {
      name: 'ErrorInfo',
      field: [
        text('reason', 1),
        text('domain', 2),
        {
          ...message('metadata', 3, '.google.rpc.ErrorInfo.MetadataEntry'),
          label: Label.REPEATED,
        },
      ],
      nestedType: [
        {
          name: 'MetadataEntry',
          field: [text('key', 1), text('value', 2)],
          options: { mapEntry: true },
        },
      ],
    },
  ],
});

const status = create(FileDescriptorProtoSchema, {
  name: 'google/rpc/status.proto',
  package: 'google.rpc',
  syntax: 'proto3',
  dependency: ['google/protobuf/any.proto'],
  messageType: [
    {
      name: 'Status',
      field: [
        { ...text('code', 1), type: Type.INT32 },
        text('message', 2),
        { ...message('details', 3, '.google.protobuf.Any'), label: Label.REPEATED },
      ],
    },
  ],
});

const file: FileDescriptorProto[] = [file_google_protobuf_any.proto, health, details, status];

/** A FileDescriptorSet of them. Behind another one it adds to that. */
export const googleFiles: Uint8Array = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file }),
);
