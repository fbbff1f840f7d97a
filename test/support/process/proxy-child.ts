/** A proxy with players as a process of its own. It prints a line when the players have joined. */
import { connect } from '../../../client/index.js';

const [endpoint = '', name = '', ...names] = process.argv.slice(2);

const kelpie = connect({
  name,
  role: 'PROXY',
  endpoints: endpoint,
  players: { onEvicted: ({ id, text }) => process.send?.({ evicted: id, text }) },
});
await kelpie.ready();
await Promise.all(
  names.map(async (player, index) => {
    const facts = { xuid: String(9000 + index), name: player };
    await kelpie.players.acquire(facts);
    await kelpie.players.joined(facts);
  }),
);
process.send?.({ joined: names.length });
// The process ends with its parent, also if the parent crashes.
process.on('disconnect', () => process.exit());
