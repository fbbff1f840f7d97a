/**
 * Loaded before the main file of every process of the demo, the coordinator's too: when the
 * director is gone, by whatever end, so are they.
 */
process.once('disconnect', () => process.exit(1));
// The listener alone must not keep a process that has nothing left to do.
process.channel?.unref();
