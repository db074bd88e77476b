// A person in Chromium who works on while a node goes and comes back. Prints one JSON line a step and waits for a line on stdin before
// the next: signed in and at a list ("before"), the list loaded anew ("during", "after"); each with a screenshot of the step's name.
//   outage.js CHROMIUM URL DIRECTORY-FOR-SCREENSHOTS
const readline = require('readline');
const { chromium } = require('playwright-core');

const [executablePath, url, out] = process.argv.slice(2);
const patience = { timeout: 180000 };
const list = '/admin/settings/users-permissions/users';

async function main() {
  const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  try {
    const page = await browser.newPage();
    let seen = {};
    const clear = () => (seen = { answers: 0, bad: [], failed: [], opened: 0, closed: 0, authorized: 0 });
    clear();
    page.on('response', (response) => {
      seen.answers++;
      if (response.status() >= 400 && response.status() !== 401) seen.bad.push(`${response.status()} ${new URL(response.url()).pathname}`);
    });
    // What a page leaves behind when it is loaded anew is no failure of the edge.
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText;
      if (why !== 'net::ERR_ABORTED') seen.failed.push(`${request.url()} ${why}`);
    });
    page.on('websocket', (socket) => {
      seen.opened++;
      socket.on('framereceived', (frame) => (seen.authorized += String(frame.payload).includes('authorized')));
      socket.on('close', () => seen.closed++);
    });
    const show = async (step) => {
      await page.waitForSelector('text=admin@nocobase.com', patience);
      await page.waitForLoadState('networkidle', patience);
      await page.screenshot({ path: `${out}/${step}.png` });
      console.log(JSON.stringify({ step, ...seen }));
      clear();
      await lines.next();
    };

    await page.goto(`${url}/?outage`, patience);
    await page.fill('input:not([type=password])', 'admin@nocobase.com', patience);
    await page.fill('input[type=password]', 'admin123');
    await page.click('button[type=submit]');
    await page.waitForURL(/\/admin/, patience);
    await page.waitForSelector('[data-testid="user-center-button"]', patience);
    await page.goto(url + list, patience);
    await show('before');
    for (const step of ['during', 'after']) {
      await page.reload(patience);
      await show(step);
    }
  } finally {
    await browser.close();
    process.stdin.destroy();
  }
}

main().catch((error) => {
  console.error(String(error.message || error).split('\n').slice(0, 6).join(' | '));
  process.exit(1);
});
