/** Ends with 1, and prints a list, if a link in the reference leads nowhere. */
import { readdirSync } from 'node:fs';
import { brokenLinks } from './links.js';
import { ROOT } from './prose.js';

const FOLDER = `${ROOT}dist/docs`;

const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
const pages = names.filter((name) => name.endsWith('.html'));
const broken = brokenLinks(FOLDER, pages);
for (const link of broken) console.error(`broken link in dist/docs/${link}`);
console.log(`dist/docs/index.html: the reference has ${pages.length} pages`);
process.exitCode = broken.length > 0 || pages.length === 0 ? 1 : 0;
