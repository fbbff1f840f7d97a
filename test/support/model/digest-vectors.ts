/** Test vectors for the digest of players, the same in every language. */
export const vectors = [
  { players: [], digest: 'e3b0c44298fc1c14' },
  {
    players: [{ id: '2535400000000001', generation: 1700000000000001, server: 'lobby-1' }],
    digest: '8ecfeded65cbcda5',
  },
  {
    // "10" sorts before "9", by bytes and not as numbers. One player is on no server.
    players: [
      { id: '9', generation: 7, server: 'lobby' },
      { id: '10', generation: 8, server: '' },
      { id: '0a1b2c3d-0000-4000-8000-00000000000f', generation: 9007199254740991, server: 'a_b-c' },
    ],
    digest: 'e0df045f25990497',
  },
];
