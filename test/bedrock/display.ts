/** Shows messages to players, with the packets of Bedrock. */
import { msOf } from '../../client/core/duration.js';
import type { Forms } from '../../client/index.js';
import type { Player, TitleLine } from './library.js';
import { sendText } from './library.js';

type Display = Forms['show_message']['request']['display'];
type Title = Extract<Display, { $case: 'title' }>['value'];

const TICK_MS = 50;
const FADE_IN_MS = 500;
const STAY_MS = 3500;
const FADE_OUT_MS = 1000;

export function show(player: Player, display: Display): void {
  switch (display.$case) {
    case 'chat':
      return sendText(player, { type: 'system', message: display.value });
    case 'tip':
      return sendText(player, { type: 'tip', message: display.value });
    case 'popup':
      return sendText(player, { type: 'popup', message: display.value, parameters: [] });
    case 'actionBar':
      return sendLine(player, 'action_bar_message', display.value);
    case 'title':
      return showTitle(player, display.value);
    case 'toast':
      return player.write('toast_request', display.value);
  }
}

/** The small line is sent first: it appears together with the large one. */
function showTitle(player: Player, { title, subtitle, ...times }: Title): void {
  if (subtitle !== '') sendLine(player, 'set_subtitle', subtitle, times);
  sendLine(player, 'set_title', title, times);
}

function sendLine(
  player: Player,
  type: TitleLine['type'],
  text: string,
  times: Partial<Pick<Title, 'fadeIn' | 'stay' | 'fadeOut'>> = {},
): void {
  player.write('set_title', {
    ...{ type, text, xuid: '', platform_online_id: '' },
    fade_in_time: Math.round(msOf(times.fadeIn, FADE_IN_MS) / TICK_MS),
    stay_time: Math.round(msOf(times.stay, STAY_MS) / TICK_MS),
    fade_out_time: Math.round(msOf(times.fadeOut, FADE_OUT_MS) / TICK_MS),
  });
}
