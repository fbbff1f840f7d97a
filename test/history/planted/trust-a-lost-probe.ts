/** Planted in kelpied: a node that is asked whether it lives counts as dead, because its answer is lost. */
import { SessionRegistry } from '../../../server/session/registry.js';
import { method } from './method.js';

method(SessionRegistry.prototype, 'alive', () => async () => false);
