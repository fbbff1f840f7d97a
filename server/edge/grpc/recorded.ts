/** Around a call that is an act: its record gets the outcomes from its answers. */
import type { OpenAct } from '../../access/act.js';
import type { Responses } from './observe.js';

/** Calls `begin` and passes its answers on. */
export async function* recorded<Response>(
  act: OpenAct,
  begin: () => Responses<Response>,
): Responses<Response> {
  let responses: Responses<Response> | undefined;
  try {
    responses = begin();
    for (;;) {
      const { done, value } = await responses.next();
      if (value !== undefined) act.answered(value);
      if (done === true) {
        act.end();
        return value;
      }
      yield value;
    }
  } catch (error) {
    act.failed(error);
    throw error;
  } finally {
    // If nothing ended the act before, the caller has left.
    act.end('OUTCOME_UNKNOWN');
    await responses?.return(undefined);
  }
}
