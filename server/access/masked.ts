/**
 * Masks text that looks like a secret, in details that people read later. The masks rather hide too much: a masked
 * word costs a reader little, and a stored password stays readable as long as the history. Pure.
 */

const MASK = '***';

/** Fields and options whose values are secrets, also as the end of a longer name: `db-password`. */
const NAME =
  '(?:(?:password|passwd|passphrase|passcode|secret|token|credential|api[_-]?key|private[_-]?key)[\\w.-]{0,32}' +
  '|\\b(?:pwd|pass|pw|pin|auth|authorization))';
/** A value in quotes, or up to the next space or separator. */
const VALUE = `(?:"(?:[^"\\\\]|\\\\.)*"?|'(?:[^'\\\\]|\\\\.)*'?|[^\\s,;&"'}\\]]+)`;
/** Commands of plugins whose arguments are passwords. */
const LOGINS =
  'login|l|logpass|register|reg|unregister|unreg|changepassword|changepass|changepw|cpw|setpassword|resetpassword|2fa|totp';

/**
 * Each pattern keeps its first group, and masks the rest. The one that masks most comes first. Repetitions are
 * bounded where they could overlap, so that no text takes long.
 */
const patterns: readonly RegExp[] = [
  // `/login x`, and without the slash where a command begins: in a line, after `sudo Steve`, `authme` or `run`.
  new RegExp(
    `((?:/|(?:^|\\n)[ \\t]{0,8}|\\b(?:authme|run)\\s+|\\bsudo\\s+\\S+\\s+)(?:${LOGINS})\\s+)\\S.*`,
    'gi',
  ),
  // A key in a block of PEM, also without its end.
  /(-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----).*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/gs,
  /(\bklp_)[\w-]*/g,
  /(\bBearer\s+)\S+/gi,
  /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/gi,
  // `password=x`, `"token": "x y"`, `auth: Bearer x`.
  new RegExp(`(${NAME}["']?\\s*[=:]\\s*(?:(?:Bearer|Basic|Digest)\\s+)?)${VALUE}`, 'gi'),
  // `--token x`, `--db-password x`.
  new RegExp(`((?:^|\\s)-{1,2}(?:[\\w.]{1,32}-)?${NAME}\\s+)${VALUE}`, 'gi'),
  new RegExp(`(\\b(?:password|passwd|passphrase|pwd)\\s+(?:is\\s+)?)${VALUE}`, 'gi'),
];

/** The text without secrets. */
export function masked(text: string): string {
  let result = text;
  for (const pattern of patterns) result = result.replace(pattern, `$1${MASK}`);
  return result.replace(WORD, (word) => (isRandom(word) ? MASK : word));
}

/** A word of the letters of base64 and its kin. */
const WORD = /[A-Za-z0-9+/_-]{24,}={0,2}/g;
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
const HEX = /^(?=.*\d)[0-9a-f]{32,}$/i;

/** Whether a word looks drawn: letters and digits, or small letters and capitals, follow each other in no order. */
function isRandom(word: string): boolean {
  const rest = word.replace(UUID, '');
  if (HEX.test(rest) && /[a-f]/i.test(rest)) return true;
  const switches = rest.match(/[a-z](?=[A-Z])|[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0;
  return rest.length >= 24 && switches >= Math.max(5, rest.length / 8);
}
