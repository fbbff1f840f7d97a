/** The acts, in their order. */
import { drain, drainProxy } from './draining.js';
import { fill } from './filling.js';
import { guardTheDoor } from './guarding.js';
import { gather, goHome } from './joining.js';
import { loseCoordinator, loseGame, loseProxy, loseServer } from './losing.js';
import { maintain } from './maintenance.js';
import { move } from './moving.js';
import { talk } from './talking.js';

export const acts = [
  gather,
  move,
  talk,
  guardTheDoor,
  fill,
  drain,
  loseServer,
  loseGame,
  loseProxy,
  loseCoordinator,
  maintain,
  drainProxy,
  goHome,
];
