/** Shows messages to players, with the packets of Bedrock. */
import type { Display, Title } from '../../client/index.js';
import type { Player, TitleLine } from './library.js';
import { sendText } from './library.js';

const TICK_MS = 50;
const FADE_IN_MS = 500;
const STAY_MS = 3500;
const FADE_OUT_MS = 1000;

export function show(player: Player, display: Display): void {
  if ('chat' in display) sendText(player, { type: 'system', message: display.chat });
  else if ('tip' in display) sendText(player, { type: 'tip', message: display.tip });
  else if ('popup' in display)
    sendText(player, { type: 'popup', message: display.popup, parameters: [] });
  else if ('actionBar' in display) sendLine(player, 'action_bar_message', display.actionBar);
  else if ('toast' in display) player.write('toast_request', display.toast);
  else showTitle(player, display);
}

/** The small line is sent first: it appears together with the large one. */
function showTitle(player: Player, { title, subtitle, ...times }: Title): void {
  if (subtitle !== undefined) sendLine(player, 'set_subtitle', subtitle, times);
  sendLine(player, 'set_title', title, times);
}

function sendLine(
  player: Player,
  type: TitleLine['type'],
  text: string,
  times: Pick<Title, 'fadeInMs' | 'stayMs' | 'fadeOutMs'> = {},
): void {
  const { fadeInMs = FADE_IN_MS, stayMs = STAY_MS, fadeOutMs = FADE_OUT_MS } = times;
  player.write('set_title', {
    ...{ type, text, xuid: '', platform_online_id: '' },
    fade_in_time: Math.round(fadeInMs / TICK_MS),
    stay_time: Math.round(stayMs / TICK_MS),
    fade_out_time: Math.round(fadeOutMs / TICK_MS),
  });
}
