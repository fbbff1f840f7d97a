/**
 * Every process of the demo, the coordinator too, loads this file before its main file. It ends the process when the
 * director has ended, for whatever reason.
 */
process.once('disconnect', () => process.exit(1));
// The listener must not keep the process alive.
process.channel?.unref();
