/** A server that joins with a join token, as a process of its own. It ends with its parent. */
import { connect } from '../../../client/index.js';

const [endpoints = '', name = '', joinToken = '', tokenFile = ''] = process.argv.slice(2);

connect({ name, role: 'DOWNSTREAM', endpoints, joinToken, tokenFile });
process.on('disconnect', () => process.exit());
