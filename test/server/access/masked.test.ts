/** Masks of secrets: no secret stays, and ordinary commands do. */
import { expect } from 'chai';
import fc from 'fast-check';
import { masked } from '../../../server/access/masked.js';

const letters = (alphabet: string, minLength: number, maxLength: number) =>
  fc
    .array(fc.constantFrom(...Array.from(alphabet)), { minLength, maxLength })
    .map((all) => all.join(''));

const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const CAPITAL = SMALL.toUpperCase();
const DIGITS = '0123456789';
/** A password: short, of any letters but a space and the separators of options. */
const password = letters(`${SMALL}${CAPITAL}${DIGITS}!$%^*()+-_.`, 6, 24).filter(
  (text) => /[a-z]/i.test(text) && !text.startsWith('-'),
);
const base64 = letters(`${SMALL}${CAPITAL}${DIGITS}-_`, 43, 64).filter(isMixed);
const hex = letters('0123456789abcdef', 32, 64).filter(isMixed);

/** As text that is drawn: letters and digits take turns. Nearly all drawn texts pass. */
function isMixed(text: string): boolean {
  const turns = text.match(/[a-z](?=[A-Z])|[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0;
  return turns >= text.length / 6;
}

const NAMES = ['password', 'Passwd', 'db_password', 'TOKEN', 'api-key', 'apikey', 'secret', 'pwd'];

/** A secret, and a line that has it. */
const planted = fc.oneof(
  base64.map((secret) => ({ secret, text: `klp_${secret}` })),
  base64.map((secret) => ({ secret, text: secret })),
  hex.map((secret) => ({ secret, text: secret })),
  fc
    .tuple(password, fc.constantFrom(...NAMES), fc.constantFrom('=', ': ', ' = ', '":"', '="'))
    .map(([secret, name, is]) => ({ secret, text: `${name}${is}${secret}` })),
  fc
    .tuple(password, fc.constantFrom('--token', '--password', '--db-password', '-secret'))
    .map(([secret, option]) => ({ secret, text: `${option} ${secret}` })),
  fc
    .tuple(password, fc.constantFrom('/login', '/l', '/register', '/changepassword Steve', '/cpw'))
    .map(([secret, login]) => ({ secret, text: `${login} ${secret} ${secret}` })),
  password.map((secret) => ({ secret, text: `Authorization: Bearer ${secret}` })),
  password.map((secret) => ({ secret, text: `bearer ${secret}` })),
  password.map((secret) => ({ secret, text: `mysql://kelpie:${secret}@db.example/kelpie` })),
);

const surrounding = fc.array(
  fc.oneof(
    fc.constantFrom('say', 'give', 'tp', 'Steve', '64', '{"a":1}', 'password', '"', '--x', '/tp'),
    letters(`${SMALL} ${DIGITS}.,:;`, 0, 12),
  ),
  { maxLength: 6 },
);

const ORDINARY = [
  'give Steve diamond 64',
  'tp Steve 12 64 -7',
  'tp @e[type=minecraft:cow,limit=1] ~ ~1 ~',
  'say please login at 8 pm, and register at the desk',
  'kick 2535400000000001 bye',
  'ban 069a79f4-44e9-4726-a5be-fca90e38aaf5 griefing',
  'whitelist add "Steve Fox"',
  'kit basic Steve',
  'gamerule projectilesCanBreakBlocks false',
  'give Steve minecraft:netherite_chestplate{Damage:5,Enchantments:[{id:protection,lvl:4}]} 1',
  'scoreboard players set ArchibaldTheGreat12 kills 12345678901234567890',
  'lobby-7d9f8b6c5d-x2x4q',
  'maintenance on; Back at 8 pm; allowed Steve, 2535400000000001',
  'mode=hub, region=eu-west-1; state READY; address 10.0.0.7:19132',
];

describe('the mask of secrets', () => {
  it('hides each kind of secret, in any text', () => {
    let hidden = 0;
    fc.assert(
      fc.property(planted, surrounding, surrounding, ({ secret, text }, before, behind) => {
        // A surrounding that has the secret by chance would show it.
        const around = [...before, ...behind].join(' ');
        fc.pre(!around.includes(secret));
        expect(masked([...before, text, ...behind].join(' '))).not.to.include(secret);
        hidden += 1;
      }),
      { numRuns: 500 },
    );
    expect(hidden).to.be.greaterThan(300);
  });

  it('leaves ordinary commands as they are', () => {
    for (const line of ORDINARY) expect(masked(line)).to.equal(line);
  });

  it('hides passwords of commands that begin without a slash, and keys in blocks', () => {
    expect(masked('login hunter2')).to.equal('login ***');
    expect(masked('authme register Steve hunter2')).to.equal('authme register ***');
    expect(masked('sudo Steve login hunter2')).to.equal('sudo Steve login ***');
    expect(masked('the password is hunter2')).to.equal('the password is ***');
    const key = '-----BEGIN EC PRIVATE KEY-----\nMHcC\nAQEE\n-----END EC PRIVATE KEY-----';
    expect(masked(`key ${key}`)).to.equal('key -----BEGIN EC PRIVATE KEY-----***');
  });
});
