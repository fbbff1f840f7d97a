/** The commands of transfers: the request that a handler gets, the reply, and the same command from an issuer. */
import { expect } from 'chai';
import {
  type AnyCommand,
  contextJson,
  contextText,
  type FormName,
  KelpieError,
  type MoveForms,
} from '../../../client/index.js';
import {
  type Command,
  type CommandReply,
  CommandRequest,
} from '../../../gen/ts/kelpie/v1/command.js';
import { settled } from '../../support/journal/history.js';
import { thrownBy } from '../../support/thrown.js';
import { errorOf, Scripted } from '../../support/wire/scripted.js';

const player = { playerId: '1', generation: 7 };
const ref = { id: '1', generation: 7 };
const context = new TextEncoder().encode('{"spawn":[1,2,3]}');
const address = { host: 'two.example.org', port: 19_132 };
const transferId = 't1';

/** Each command on the wire, and as a handler gets it. */
const forms: {
  [Name in keyof MoveForms]: [NonNullable<Command['form']>, MoveForms[Name]['request']];
} = {
  prepare_arrival: [
    {
      $case: 'prepareArrival',
      value: {
        player,
        playerName: 'Steve',
        fromServer: 'lobby-1',
        context,
        transferId,
        toProxy: 'gate-2',
      },
    },
    {
      player: ref,
      playerName: 'Steve',
      fromServer: 'lobby-1',
      context,
      transferId,
      toProxy: 'gate-2',
    },
  ],
  prepare_departure: [
    {
      $case: 'prepareDeparture',
      value: { player, toServer: 'arena-1', toProxy: '', transferId },
    },
    { player: ref, toServer: 'arena-1', toProxy: '', transferId },
  ],
  transfer_player: [
    {
      $case: 'transferPlayer',
      value: { player, server: '', address, toProxy: 'gate-2', transferId },
    },
    { player: ref, server: '', address, toProxy: 'gate-2', transferId },
  ],
  confirm_arrival: [
    { $case: 'confirmArrival', value: { player, transferId } },
    { player: ref, transferId },
  ],
  transfer_ended: [
    { $case: 'transferEnded', value: { player, transferId, error: undefined } },
    { player: ref, transferId },
  ],
};
const names = Object.keys(forms) as (keyof MoveForms)[];

/** `done`, or the message of the failure. */
const shortly = ({ outcome }: CommandReply): string => {
  if (outcome?.$case === 'failure') return outcome.value.message;
  return outcome?.value.form?.$case ?? 'nothing';
};

describe('the commands of transfers', () => {
  let scripted: Scripted;
  const replies = () => scripted.stream.values('commandReply').map(shortly);

  const ask = async (form: Command['form']): Promise<void> => {
    const timeLeft = { seconds: 5, nanos: 0 };
    const command = { form };
    const value = CommandRequest.create({ commandId: 1, command, timeLeft, source: '' });
    await scripted.stream.send({ $case: 'commandRequest', value });
  };

  beforeEach(async () => {
    scripted = await Scripted.welcomed();
  });
  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
  });

  for (const name of names) {
    const [wire, request] = forms[name];

    it(`${name} reaches its handler, whose end is the reply`, async () => {
      const asked: unknown[] = [];
      scripted.client.handle(name as FormName, (one: unknown) => void asked.push(one));
      await ask(wire);
      expect(asked).to.deep.equal([request]);
      expect(replies()).to.deep.equal(['done']);
    });

    it(`${name} is refused by a handler that throws or returns something`, async () => {
      let answer: () => unknown = () => {
        throw new Error('the round has begun');
      };
      scripted.client.handle(name as FormName, () => answer() as never);
      await ask(wire);
      answer = () => false;
      await ask(wire);
      expect(replies()).to.deep.equal([
        'the round has begun',
        `the handler of ${name} returned false; it returns nothing, and throws an error to refuse`,
      ]);
    });

    it(`${name} goes out from an issuer as the contract has it`, async () => {
      const command = { [name]: request } as AnyCommand;
      scripted.client.issue({ target: { node: 'arena-1' }, command });
      await settled(10);
      const [sent] = scripted.stream.values('issueCommand');
      expect(sent?.command?.form).to.deep.equal(wire);
    });
  }

  it('name a player, or no handler is called', async () => {
    const asked: unknown[] = [];
    scripted.client.handle('confirm_arrival', (one) => void asked.push(one));
    await ask({ $case: 'confirmArrival', value: { player: undefined, transferId } });
    expect(asked).to.deep.equal([]);
    expect(replies()[0]).to.match(/no handler/);
  });

  it('tell the servers why a transfer failed', async () => {
    const errors: unknown[] = [];
    scripted.client.handle('transfer_ended', ({ error }) => void errors.push(error));
    const error = errorOf('PLAYER_QUIT');
    await ask({ $case: 'transferEnded', value: { player, transferId, error } });
    expect(errors[0]).to.be.instanceOf(KelpieError).with.property('reason', 'PLAYER_QUIT');
    const command = {
      transfer_ended: { player: ref, transferId, error: errors[0] as KelpieError },
    };
    scripted.client.issue({ target: { node: 'arena-1' }, command });
    await settled(10);
    const form = scripted.stream.values('issueCommand')[0]?.command?.form;
    const sent = form?.$case === 'transferEnded' ? form.value.error : undefined;
    expect([sent?.reason, sent?.message]).to.deep.equal([error.reason, error.message]);
  });

  it('are refused at once if a field is missing or wrong', () => {
    const wrong: [unknown, string][] = [
      [{ prepare_arrival: { player: ref } }, 'VALUE_INVALID'],
      [{ prepare_arrival: { ...forms.prepare_arrival[1], context: 'text' } }, 'VALUE_INVALID'],
      [{ prepare_departure: null }, 'VALUE_INVALID'],
      [{ transfer_player: { ...forms.transfer_player[1], address: { port: 0 } } }, 'OUT_OF_RANGE'],
      [{ transfer_player: { ...forms.transfer_player[1], address: 'a:1' } }, 'VALUE_INVALID'],
      [{ confirm_arrival: { player: { id: '1', generation: -1 }, transferId } }, 'OUT_OF_RANGE'],
      [{ transfer_ended: { player: ref } }, 'VALUE_INVALID'],
    ];
    for (const [command, expected] of wrong) {
      const issue = () =>
        scripted.client.issue({ target: { every: {} }, command: command as AnyCommand });
      expect(thrownBy(KelpieError, issue).reason, JSON.stringify(command)).to.equal(expected);
    }
  });
});

describe('a proxy that moves players', () => {
  it('gets those of its own whom the command means; for others it fails', async () => {
    const onEvicted = (): void => undefined;
    const scripted = await Scripted.welcomed({ role: 'PROXY', players: { onEvicted } });
    const { stream, client } = scripted;
    const [sync] = stream.requests('syncPlayers');
    const synced = { results: [], kickedPlayerIds: [] };
    await stream.answer(sync?.id ?? 0, { $case: 'playersSynced', value: synced });
    const joined = client.players.joined({ xuid: '1', name: 'Steve' });
    await settled(10);
    const results = [{ playerId: '1', generation: 7, error: undefined }];
    const report = stream.requests('reportPlayers').at(-1);
    await stream.answer(report?.id ?? 0, { $case: 'playersReported', value: { results } });
    await joined;
    const asked: string[] = [];
    client.handle('transfer_player', (one) => void asked.push(`${one.player.id} ${one.server}`));
    for (const [playerId, generation] of [
      ['1', 7],
      ['1', 6],
      ['2', 7],
    ] as const) {
      const value = {
        player: { playerId, generation },
        server: 'arena-1',
        address: undefined,
        toProxy: '',
        transferId,
      };
      const command = { form: { $case: 'transferPlayer', value } } as const;
      const timeLeft = { seconds: 5, nanos: 0 };
      const request = CommandRequest.create({ commandId: generation, command, timeLeft });
      await stream.send({ $case: 'commandRequest', value: request });
    }
    expect(asked).to.deep.equal(['1 arena-1']);
    const gone = 'the player is not here any more';
    expect(stream.values('commandReply').map(shortly)).to.deep.equal(['done', gone, gone]);
    await scripted.close();
  });
});

describe('the context of a transfer', () => {
  it('is read as JSON, as text, or not at all', () => {
    expect(contextJson(context)).to.deep.equal({ spawn: [1, 2, 3] });
    expect(contextJson(new Uint8Array())).to.deep.equal({});
    expect(contextText(Buffer.from('Grüße'))).to.equal('Grüße');
    expect(contextText(new Uint8Array())).to.equal('');
    const reasonOf = (run: () => unknown) => thrownBy(KelpieError, run).reason;
    expect(reasonOf(() => contextText(Uint8Array.of(0xff)))).to.equal('VALUE_INVALID');
    expect(reasonOf(() => contextJson(Uint8Array.of(0xff)))).to.equal('VALUE_INVALID');
    for (const json of ['{', '[1]', 'null', '7'])
      expect(
        reasonOf(() => contextJson(Buffer.from(json))),
        json,
      ).to.equal('VALUE_INVALID');
  });
});
