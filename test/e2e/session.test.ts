/** Sessions with a real kelpied, by a client that is made only from the contract. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { type Event, say, sequenceOf, textOf } from '../support/wire/frames.js';
import type { Incoming } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

const RESOURCES = { at: 'START_AT_SNAPSHOT' };
const EARLIEST = { at: 'START_AT_EARLIEST' };
const LATEST = { at: 'START_AT_LATEST' };

const ABORTED = 10;

describe('a session', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  before(async () => {
    // The shortest allowed grace, so that the tests wait less.
    kelpied = await startKelpied(['--grace-seconds', '2', '--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });

  after(async () => {
    wire.close();
    await kelpied.stop();
  });

  afterEach(() => wire.leave());

  /** Publishes by a call without a session, so that no node joins for it. */
  const tell = (topic: string, ...texts: string[]) =>
    wire.call('EventService.PublishEvents', { events: texts.map((text) => say(topic, text)) });

  describe('from hello to goodbye', () => {
    it('gets Welcome first, then the resources that its topics match', async () => {
      await wire.join('first-other', { role: 'NODE_ROLE_PROXY' });
      const { stream, welcome } = await wire.join('First-Reader', {
        role: 'NODE_ROLE_DOWNSTREAM',
        topics: ['nodes.*', 'first.>'],
        start: RESOURCES,
        address: { port: 19132 },
        labels: { mode: 'bedwars' },
      });
      expect(stream.frames[0]).to.have.property('frame', 'welcome');
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_NEW');
      expect(welcome.node_name).to.equal('first-reader');
      expect(welcome.session_id).to.not.equal('');
      expect(welcome.publish_sequence).to.equal(0);
      expect(welcome.heartbeat_interval).to.deep.equal({ seconds: 5, nanos: 0 });
      expect(welcome.limits).to.deep.equal({
        topic_bytes: 255,
        topic_tokens: 16,
        payload_bytes: 256 * 1024,
        publish_events: 256,
        publish_bytes: 512 * 1024,
        patterns: 1000,
        pattern_bytes: 64 * 1024,
        long_patterns: 64,
        message_bytes: 1024 * 1024,
        hello_bytes: 64 * 1024,
        json_depth: 30,
        window_events: 65_536,
        window_bytes: 16 * 1024 * 1024,
        peer_sessions: 15_000,
        peer_streams: 30_000,
        peer_requests: 250_000,
        peer_bytes: 256 * 1024 * 1024,
        header_bytes: 16 * 1024,
      });

      const snapshot = await stream.next('snapshot');
      expect(stream.kinds).to.deep.equal(['welcome', 'snapshot']);
      expect(snapshot.cursor?.epoch).to.have.length(16);
      expect(snapshot.cursor?.sequence).to.be.at.least(welcome.generation);
      expect(snapshot.topics, 'those that can match resources').to.deep.equal(['nodes.*']);
      expect(snapshot.complete).to.equal(true);
      const rows = new Map(snapshot.rows.map((row) => [row.node.name, row]));
      expect(rows.get('first-other')?.node.role).to.equal('NODE_ROLE_PROXY');
      const own = rows.get('first-reader');
      expect(own?.sequence).to.be.at.most(snapshot.cursor?.sequence ?? 0);
      expect(own?.node).to.deep.include({
        display_name: 'First-Reader',
        role: 'NODE_ROLE_DOWNSTREAM',
        state: 'NODE_STATE_READY',
        address: { host: '127.0.0.1', port: 19132 },
        labels: { mode: 'bedwars' },
      });
    });

    it('adds a topic, gets the events of another node on it, and acknowledges them', async () => {
      const { stream: reader } = await wire.join('talk-reader', {
        topics: ['nodes.*'],
        start: RESOURCES,
      });
      const { stream: writer } = await wire.join('talk-writer');
      reader.send({
        request_id: 7,
        update_subscription: { added_topics: ['talk.*'], start_at: 'START_AT_LATEST' },
      });
      const updated = await reader.answer(7);
      const from = updated.subscription_updated?.cursor.sequence ?? 0;
      expect(from).to.be.above(0);

      writer.publish(1, {
        topic: 'talk.global',
        payload: {
          type: 'chat',
          content: { text: 'hello' },
          attributes: { player: 'Steve' },
          origin: 'MESSAGE_ORIGIN_NODE',
        },
      });
      const ack = await writer.settled(1);
      expect(ack).to.deep.equal({ publish_sequence: 1, rejections: [] });

      let batch = await reader.next('event_batch');
      // The event of the writer's join, on an earlier topic, may come in a batch of its own.
      while (!batch.events.some(({ topic }) => topic === 'talk.global')) {
        batch = await reader.next('event_batch');
      }
      const event = batch.events.at(-1);
      expect(event).to.deep.include({
        topic: 'talk.global',
        source: 'talk-writer',
        body: 'message_published',
        message_published: {
          type: 'chat',
          content: { form: 'text', text: 'hello' },
          attributes: { player: 'Steve' },
          origin: 'MESSAGE_ORIGIN_NODE',
        },
      });
      expect(batch.after_sequence).to.be.below(event?.sequence ?? 0);
      expect(batch.up_to.sequence).to.be.at.least(event?.sequence ?? Infinity);

      reader.send({ ack: { sequence: batch.up_to.sequence } }, { request_id: 8, heartbeat: {} });
      const beat = await reader.answer(8);
      expect(beat.heartbeat_ack?.cursor?.sequence).to.be.at.least(batch.up_to.sequence);
      expect(reader.kinds).to.not.include('request_failed');
    });

    it('answers a successful request that has a number', async () => {
      const { stream } = await wire.join('numbered', { topics: ['numbered'] });
      const publish = { first_publish_sequence: 1, events: [say('numbered', 'one')] };
      stream.send({ request_id: 4, publish });
      expect((await stream.answer(4)).frame).to.equal('request_ok');
      expect(stream.kinds).to.include('publish_ack');
      const upTo = stream.frames.flatMap(({ event_batch: batch }) => batch?.up_to ?? []).at(-1);
      const sequence = upTo?.sequence ?? (await stream.next('event_batch')).up_to.sequence;
      stream.send({ request_id: 5, ack: { sequence } });
      expect((await stream.answer(5)).frame).to.equal('request_ok');
      stream.send({ request_id: 6, goodbye: { reason: 'GOODBYE_REASON_STOP' } });
      expect((await stream.answer(6)).frame).to.equal('request_ok');
      expect((await stream.ended()).code).to.equal(0);
    });

    it('does not answer a successful request without a number', async () => {
      const { stream } = await wire.join('numberless', { topics: ['numberless'] });
      stream.publish(1, say('numberless', 'one'));
      await stream.settled(1);
      stream.send(
        { update_subscription: { removed_topics: ['numberless'] } },
        { goodbye: { reason: 'GOODBYE_REASON_STOP' } },
      );
      await stream.ended();
      expect(stream.kinds).to.not.include('request_ok');
    });

    it('gets no more events of a removed topic, and goes on with the other topics', async () => {
      const { stream } = await wire.join('less', { topics: ['less.a', 'less.b'] });
      await tell('less.a', 'a1');
      expect(await stream.texts('a1')).to.deep.equal(['a1']);
      stream.send({
        request_id: 1,
        update_subscription: { removed_topics: ['less.a', 'less.never'] },
      });
      await stream.answer(1);
      await tell('less.a', 'a2');
      await tell('less.b', 'b1');
      expect(await stream.texts('b1')).to.deep.equal(['b1']);
    });

    it('gets the resources of a topic that it adds with SNAPSHOT', async () => {
      const { stream } = await wire.join('later', { topics: ['later'] });
      stream.send({
        request_id: 1,
        update_subscription: { added_topics: ['nodes.later'], start_at: 'START_AT_SNAPSHOT' },
      });
      const cursor = (await stream.answer(1)).subscription_updated?.cursor;
      const snapshot = await stream.next('snapshot');
      expect(snapshot.cursor).to.deep.equal(cursor);
      expect(snapshot.topics).to.deep.equal(['nodes.later']);
      expect(snapshot.rows.map(({ node }) => node.name)).to.deep.equal(['later']);
      expect(snapshot.complete).to.equal(true);
      expect(stream.kinds).to.deep.equal(['welcome', 'subscription_updated', 'snapshot']);
    });

    it('handles frames that came in one message with the Hello after the Welcome, in order', async () => {
      const stream = wire.connect();
      stream.send(
        {
          hello: {
            name: 'eager',
            role: 'NODE_ROLE_SERVICE',
            instance_id: randomBytes(16),
            topics: ['eager'],
            start: LATEST,
          },
        },
        { publish: { first_publish_sequence: 1, events: [say('eager', 'one')] } },
        { request_id: 3, heartbeat: {} },
      );
      expect(await stream.texts('one')).to.deep.equal(['one']);
      stream.send({ request_id: 4, heartbeat: {} });
      await stream.answer(4);
      expect(stream.frames[0]).to.have.property('frame', 'welcome');
      expect(stream.frames.map(({ request_id: id }) => id)).to.include(3);
      expect(stream.kinds).to.include('publish_ack');
    });

    it('leaves at once after a Goodbye with STOP, and the others get the reason', async () => {
      const { stream: watcher } = await wire.join('stop-watcher', { topics: ['nodes.stopping'] });
      const { stream } = await wire.join('stopping');
      const end = await stream.leave();
      expect(end).to.deep.equal({ code: 0, message: 'OK', info: undefined, error: undefined });
      const events = await watcher.until(({ node_left: left }) => left !== undefined);
      expect(events.map(({ body }) => body).at(-1)).to.equal('node_left');
      expect(events.at(-1)?.node_left).to.deep.include({ reason: 'NODE_LEAVE_REASON_STOPPED' });
      expect(events.at(-1)?.node_left?.node.name).to.equal('stopping');
      expect(events.at(-1)?.topic).to.equal('nodes.stopping');
    });

    it('ends only the stream after a Goodbye with DRAINED: the node goes on with its next stream', async () => {
      const { stream: watcher } = await wire.join('drain-watcher', { topics: ['nodes.drained'] });
      const me = { instance_id: randomBytes(16) };
      const { stream } = await wire.join('drained', me);
      stream.send({ goodbye: { reason: 'GOODBYE_REASON_DRAINED' } });
      expect((await stream.ended()).code).to.equal(0);
      const { node } = await wire.call('NodeService.GetNode', { name: 'drained' });
      expect(node.state).to.equal('NODE_STATE_READY');
      const { stream: second, welcome } = await wire.join('drained', me);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      await second.leave();
      await watcher.until(({ node_left: left }) => left !== undefined);
      // Neither the Goodbye of the stream nor the return caused an event.
      expect(bodiesOf(watcher)).to.deep.equal(['node_joined', 'node_left']);
    });

    it('loses the node after the grace if its stream broke or ended without a Goodbye', async () => {
      const { stream: watcher } = await wire.join('loss-watcher', { topics: ['nodes.*'] });
      const { stream: broken } = await wire.join('lost-broken');
      const { stream: silent } = await wire.join('lost-silent');
      broken.cut();
      silent.end();
      const gone = new Map<string, string>();
      await watcher.until(({ node_left: left }) => {
        if (left) gone.set(left.node.name, left.reason);
        return gone.has('lost-broken') && gone.has('lost-silent');
      });
      expect([...new Set(gone.values())]).to.deep.equal(['NODE_LEAVE_REASON_LOST']);
    });

    it('loses the node after the grace if no stream follows its DRAINED', async () => {
      const { stream: watcher } = await wire.join('ghost-watcher', { topics: ['nodes.ghost'] });
      const { stream } = await wire.join('ghost');
      stream.send({ goodbye: { reason: 'GOODBYE_REASON_DRAINED' } });
      const events = await watcher.until(({ node_left: left }) => left !== undefined);
      expect(events.at(-1)?.node_left?.reason).to.equal('NODE_LEAVE_REASON_LOST');
    });
  });

  describe('coming back', () => {
    it('gets exactly the remaining events after a lost stream', async () => {
      const me = { instance_id: randomBytes(16), topics: ['resume.>'] };
      const { stream: first, welcome } = await wire.join('resumer', me);
      await tell('resume.x', 'one', 'two');
      await tell('elsewhere.x', 'not for it');
      expect(await first.texts('two')).to.deep.equal(['one', 'two']);
      const cursor = first.frames.at(-1)?.event_batch?.up_to;
      if (!cursor) throw new Error('the last frame was no batch');
      first.cut();

      await tell('resume.x', 'three');
      await tell('elsewhere.x', 'not for it');
      await tell('resume.y', 'four');
      const { stream: second, welcome: again } = await wire.join('resumer', {
        ...me,
        start: { after: cursor },
      });
      expect(again.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      expect(again.generation).to.be.above(welcome.generation);
      expect(again.session_id).to.not.equal(welcome.session_id);
      expect(await second.texts('four')).to.deep.equal(['three', 'four']);
      expect(second.kinds).to.not.include('gap');
      expect(batchesOf(second)[0]?.after_sequence).to.be.at.most(cursor.sequence);
    });

    it('ends the older stream of the same process with SESSION_REPLACED', async () => {
      const me = { instance_id: randomBytes(16) };
      const { stream: first } = await wire.join('replaced', me);
      const { stream: second, welcome } = await wire.join('replaced', me);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      const end = await first.ended();
      expect(end.code).to.equal(ABORTED);
      expect(end.error).to.deep.include({
        reason: 'ERROR_REASON_SESSION_REPLACED',
        code: ABORTED,
        metadata: { name: 'replaced' },
      });
      expect(end.info).to.deep.equal({
        reason: 'SESSION_REPLACED',
        domain: 'kelpie.v1',
        metadata: [{ key: 'name', value: 'replaced' }],
      });
      second.send({ request_id: 1, heartbeat: {} });
      expect((await second.answer(1)).frame).to.equal('heartbeat_ack');
    });

    it('stores once each publish that was unsettled when its stream was replaced, and was sent again', async () => {
      const { stream: reader } = await wire.join('unsettled-reader', { topics: ['unsettled'] });
      const me = { instance_id: randomBytes(16) };
      const { stream: first } = await wire.join('unsettled', me);
      const events = Array.from({ length: 200 }, (_, index) => say('unsettled', String(index + 1)));
      const numbered = [...events.entries()];
      for (const [index, event] of numbered.slice(0, 100)) first.publish(index + 1, event);
      const second = wire.hello('unsettled', me);
      // The coordinator reads some of them before it ends the first stream, and others never; the node cannot know which.
      for (const [index, event] of numbered.slice(100)) first.publish(index + 1, event);
      const { publish_sequence: stored } = await second.next('welcome');
      second.publish(stored + 1, ...events.slice(stored), say('unsettled', 'end'));
      expect((await second.settled(201)).rejections).to.deep.equal([]);
      const texts = await reader.texts('end');
      expect(texts).to.deep.equal(
        [...events.keys()].map((index) => String(index + 1)).concat('end'),
      );
      expect((await first.ended()).error?.reason).to.equal('ERROR_REASON_SESSION_REPLACED');
    });

    it('gives the name of a dead process to another one, with the outcome REPLACED', async () => {
      const { stream: watcher } = await wire.join('heir-watcher', { topics: ['nodes.heir'] });
      const { stream: first } = await wire.join('heir');
      first.cut();
      const { stream: second, welcome } = await wire.join('heir');
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_REPLACED');
      await second.leave();
      const events = await watcher.until(
        ({ node_left: left }) => left?.reason === 'NODE_LEAVE_REASON_STOPPED',
      );
      const lasting = events.filter(({ node_updated: updated }) => !updated);
      expect(lasting.map(({ body }) => body)).to.deep.equal([
        'node_joined',
        'node_left',
        'node_joined',
        'node_left',
      ]);
      expect(lasting[1]?.node_left?.reason).to.equal('NODE_LEAVE_REASON_REPLACED');
      expect(lasting[2]?.sequence).to.equal((lasting[1]?.sequence ?? 0) + 1);
    });
  });

  describe('publishing', () => {
    it('stores each event once, however often the node sends it', async () => {
      const { stream: reader } = await wire.join('once-reader', { topics: ['once'] });
      const { stream: writer } = await wire.join('once-writer');
      const events = ['one', 'two', 'three', 'four', 'five'].map((text) => say('once', text));
      // A process may begin with any number.
      writer.publish(40, ...events.slice(0, 3));
      expect((await writer.settled(42)).publish_sequence).to.equal(42);
      writer.publish(40, ...events.slice(0, 3));
      expect((await writer.next('publish_ack')).publish_sequence).to.equal(42);
      writer.publish(41, ...events.slice(1));
      expect((await writer.next('publish_ack')).publish_sequence).to.equal(44);
      expect(await reader.texts('five')).to.deep.equal(['one', 'two', 'three', 'four', 'five']);
    });

    it('reports in the Welcome which publishes of the process are settled', async () => {
      const me = { instance_id: randomBytes(16) };
      const { stream: first } = await wire.join('settled', me);
      first.publish(1, say('settled', 'one'), say('settled', 'two'));
      await first.settled(2);
      const { stream: second, welcome } = await wire.join('settled', me);
      expect(welcome.publish_sequence).to.equal(2);
      // A node that ignores it and sends all publishes again gets the same answer, and nothing is stored twice.
      second.publish(1, say('settled', 'one'), say('settled', 'two'));
      expect(await second.next('publish_ack')).to.deep.equal({
        publish_sequence: 2,
        rejections: [],
      });
      const page = await wire.call('EventService.ReadEvents', {
        topics: ['settled'],
        start: EARLIEST,
      });
      expect(page.events.map(textOf)).to.deep.equal(['one', 'two']);
    });

    it('delivers an inbox to its node alone', async () => {
      const { stream: owner } = await wire.join('inbox-owner');
      const { stream: nosy } = await wire.join('inbox-nosy', { topics: ['>', '*.*'] });
      const { head } = await wire.call('CoordinatorService.GetInfo', {});
      const watch = wire.watch(['>', '*.*'], { after: head });
      const { stream: writer } = await wire.join('inbox-writer');
      writer.publish(
        1,
        say('inbox.inbox-owner', 'psst'),
        say('inbox.inbox-nosy', 'for the nosy'),
        say('inboxes.open', 'end'),
      );
      await writer.settled(3);
      expect(await owner.texts('psst')).to.deep.equal(['psst']);
      expect(await nosy.texts('end')).to.deep.equal(['for the nosy', 'end']);
      expect(await watch.texts('end')).to.deep.equal(['end']);
      const page = await wire.call('EventService.ReadEvents', {
        topics: ['>', '*.*'],
        start: { after: head },
      });
      expect(page.events.map(textOf)).to.deep.equal(['end']);
      owner.send({ request_id: 1, heartbeat: {} });
      await owner.answer(1);
      expect(owner.sequences).to.have.length(1);
    });
  });

  describe('the window', () => {
    it('holds the next batch back until the last one is acknowledged', async () => {
      const { stream } = await wire.join('narrow', {
        topics: ['narrow'],
        window: { events: 1, bytes: 1 << 20 },
      });
      await tell('narrow', 'one');
      const first = await stream.next('event_batch');
      expect(first.events.map(textOf)).to.deep.equal(['one']);
      await tell('narrow', 'two');
      await tell('narrow', 'three');

      // If a batch may be sent, it comes before the answer to the next heartbeat.
      for (const requestId of [1, 2]) {
        stream.send({ request_id: requestId, heartbeat: {} });
        const { heartbeat_ack: beat } = await stream.answer(requestId);
        expect(beat?.cursor).to.equal(null);
      }
      expect(batchesOf(stream)).to.have.length(1);

      stream.send({ ack: { sequence: first.up_to.sequence } });
      const second = await stream.next('event_batch');
      expect(second.events.map(textOf), 'as much as the window has room for').to.deep.equal([
        'two',
      ]);
      expect(second.after_sequence).to.be.at.least(first.up_to.sequence);
      stream.send({ ack: { sequence: second.up_to.sequence } });
      const third = await stream.next('event_batch');
      expect(third.events.map(textOf)).to.deep.equal(['three']);

      // A repeated acknowledgement of the same position is allowed, and does not open the window.
      await tell('narrow', 'four');
      stream.send({ ack: { sequence: second.up_to.sequence } });
      for (const requestId of [3, 4]) {
        stream.send({ request_id: requestId, heartbeat: {} });
        await stream.answer(requestId);
      }
      expect(batchesOf(stream)).to.have.length(3);
      expect(stream.kinds).to.not.include('request_failed');
      stream.send({ ack: { sequence: third.up_to.sequence } });
      expect(await stream.texts('four')).to.deep.equal(['four']);
    });

    it('counts bytes too, and always lets one batch through', async () => {
      const { stream } = await wire.join('thin', {
        topics: ['thin'],
        window: { events: 100, bytes: 1 },
      });
      await tell('thin', 'one');
      const first = await stream.next('event_batch');
      await tell('thin', 'two');
      for (const requestId of [1, 2]) {
        stream.send({ request_id: requestId, heartbeat: {} });
        await stream.answer(requestId);
      }
      expect(batchesOf(stream)).to.have.length(1);
      stream.send({ ack: { sequence: first.up_to.sequence } });
      expect(await stream.texts('two')).to.deep.equal(['two']);
    });
  });

  describe('a heartbeat', () => {
    it('is answered with the newest position, with which a node can resume', async () => {
      const me = { instance_id: randomBytes(16), topics: ['quiet'] };
      const { stream: first } = await wire.join('quiet', me);
      const { first_sequence: newest } = await tell('loud', 'not for it');
      first.send({ request_id: 9, heartbeat: {} });
      const cursor = (await first.answer(9)).heartbeat_ack?.cursor;
      if (!cursor) throw new Error('the session was not caught up');
      expect(cursor.sequence).to.be.at.least(newest);
      first.cut();
      await tell('quiet', 'one');
      const { stream: second } = await wire.join('quiet', { ...me, start: { after: cursor } });
      expect(await second.texts('one')).to.deep.equal(['one']);
      expect(second.kinds).to.not.include('gap');
      expect(batchesOf(second)[0]?.after_sequence).to.be.at.most(cursor.sequence);
    });
  });

  describe('reading starts', () => {
    /** The texts that a new session with this topic and start reads, up to `end`, which is published when it is open. */
    const reads = async (topic: string, name: string, start: object) => {
      const { stream } = await wire.join(name, { topics: [topic], start });
      await tell(topic, 'end');
      const texts = await stream.texts('end');
      await stream.leave();
      return { texts, kinds: stream.kinds };
    };

    it('at LATEST with the next events', async () => {
      await tell('from.latest', 'before');
      const { texts, kinds } = await reads('from.latest', 'from-latest', LATEST);
      expect(texts).to.deep.equal(['end']);
      expect(kinds).to.not.include('snapshot');
    });

    it('at EARLIEST with the oldest event', async () => {
      await tell('from.earliest', 'one');
      await tell('from.earliest', 'two');
      const { texts } = await reads('from.earliest', 'from-earliest', EARLIEST);
      expect(texts).to.deep.equal(['one', 'two', 'end']);
    });

    it('after a cursor with the next event', async () => {
      await tell('from.cursor', 'one');
      const { cursor } = await wire.call('EventService.ReadEvents', {
        topics: ['from.cursor'],
        start: EARLIEST,
      });
      await tell('from.cursor', 'two');
      const { texts, kinds } = await reads('from.cursor', 'from-cursor', { after: cursor });
      expect(texts).to.deep.equal(['two', 'end']);
      expect(kinds).to.not.include('gap');
    });

    it('at SNAPSHOT with the resources, then with the events after these', async () => {
      await tell('from.snapshot', 'before');
      const { stream } = await wire.join('from-snapshot', {
        topics: ['from.snapshot', 'nodes.from-snapshot'],
        start: RESOURCES,
      });
      await tell('from.snapshot', 'end');
      const { cursor, rows } = await stream.next('snapshot');
      expect(rows.map(({ node }) => node.name)).to.deep.equal(['from-snapshot']);
      const [event, ...rest] = await stream.until((one) => textOf(one) === 'end');
      expect(rest).to.deep.equal([]);
      expect(event?.sequence).to.be.above(cursor?.sequence ?? Infinity);
    });

    it('since a time with the first event that is not older', async () => {
      const { first_sequence: sequence } = await tell('from.since', 'old');
      const all = await reads('from.since', 'from-since-hour', { since: { seconds: 3600 } });
      expect(all.texts).to.deep.equal(['old', 'end']);

      const { events } = await wire.call('EventService.ReadEvents', {
        topics: ['from.since'],
        start: EARLIEST,
      });
      const newest = events.at(-1);
      if (!newest) throw new Error(`${sequence} is not there`);
      // The test and kelpied use the clock of the same machine: an event that is 20 ms old here is as old there.
      const ageMs = (): number =>
        Date.now() - newest.time.seconds * 1000 - (newest.time.nanos ?? 0) / 1e6;
      while (ageMs() <= 20) await new Promise((resolve) => setTimeout(resolve, 5));
      const recent = await reads('from.since', 'from-since-now', {
        since: { seconds: 0, nanos: 1 },
      });
      expect(recent.texts).to.deep.equal(['end']);
    });
  });

  describe('the batches of a long history', () => {
    it('arrive in the order of the journal, each event once, between after and up_to', async () => {
      const { stream: reader } = await wire.join('order-reader', { topics: ['order.*'] });
      const writers = await Promise.all(
        ['order-a', 'order-b'].map(async (name) => (await wire.join(name)).stream),
      );
      const eventsOf = (name: string, from: number) =>
        Array.from({ length: 50 }, (_, index) => say(`order.${name}`, String(from + index)));
      for (let from = 1; from <= 451; from += 50) {
        writers.forEach((writer, index) =>
          writer.publish(from, ...eventsOf(index === 0 ? 'a' : 'b', from)),
        );
      }
      await Promise.all(writers.map((writer) => writer.settled(500)));
      await tell('order.end', 'end');
      const events = await reader.until((event) => textOf(event) === 'end');
      const numbersOn = (topic: string) =>
        events.filter((event) => event.topic === topic).map((event) => Number(textOf(event)));
      const counted = Array.from({ length: 500 }, (_, index) => index + 1);
      expect(numbersOn('order.a')).to.deep.equal(counted);
      expect(numbersOn('order.b')).to.deep.equal(counted);
      expect(events).to.have.length(1001);

      let position = 0;
      for (const { after_sequence: after, up_to: upTo, events: some } of batchesOf(reader)) {
        const sequences = some.map(sequenceOf);
        expect(after, 'nothing between the batches').to.equal(position === 0 ? after : position);
        for (const [index, sequence] of sequences.entries()) {
          expect(sequence).to.be.above(sequences[index - 1] ?? after);
        }
        expect(upTo.sequence).to.be.at.least(sequences.at(-1) ?? Infinity);
        expect(some.length).to.be.at.most(256);
        position = upTo.sequence;
      }
    });
  });
});

function batchesOf(incoming: Incoming) {
  return incoming.frames.flatMap(({ event_batch: batch }) => batch ?? []);
}

function bodiesOf(incoming: Incoming): string[] {
  return batchesOf(incoming).flatMap(({ events }: { events: Event[] }) =>
    events.map(({ body }) => body),
  );
}
