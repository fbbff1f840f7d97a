/** The acts, in their order. */
import { guardTheDoor } from './guarding.js';
import { gather, goHome } from './joining.js';
import { loseCoordinator, loseGame, loseProxy, loseServer } from './losing.js';
import { move } from './moving.js';
import { talk } from './talking.js';

export const acts = [
  gather,
  move,
  talk,
  guardTheDoor,
  loseServer,
  loseGame,
  loseProxy,
  loseCoordinator,
  goHome,
];
