/** The acts, in their order. */
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
  loseServer,
  loseGame,
  loseProxy,
  loseCoordinator,
  maintain,
  goHome,
];
