/** The clients of the generated services. */
import { createClientFactory } from 'nice-grpc';
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details';

/** Clients that turn status details into errors with a reason. */
export const clients = createClientFactory().use(errorDetailsClientMiddleware);
