/** The reason for which a server or a client cannot run on this machine, for people. */
export class NotHere extends Error {}
