// A person in Chromium: opens the sign-in page, signs in, sees the app. Prints one JSON line of what the network log said.
//   sign_in.js CHROMIUM URL DIRECTORY-FOR-SCREENSHOTS [SHA256-OF-A-PUBLIC-KEY-TO-TRUST]
const { chromium } = require('playwright-core');

const [executablePath, url, out, key] = process.argv.slice(2);
const patience = { timeout: 180000 };

// Everything the page asked for, by how it ended.
function watch(page) {
  const seen = { started: 0, finished: 0, bytes: 0, statuses: {}, failed: [], bad: [], sockets: [], received: [] };
  page.on('request', () => seen.started++);
  page.on('requestfailed', (request) => seen.failed.push(`${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    const status = response.status();
    seen.statuses[status] = (seen.statuses[status] || 0) + 1;
    if (status >= 400) seen.bad.push(`${status} ${new URL(response.url()).pathname}`);
  });
  page.on('requestfinished', async (request) => {
    seen.finished++;
    const sizes = await request.sizes().catch(() => undefined);
    if (sizes) seen.bytes += sizes.responseBodySize;
  });
  page.on('websocket', (socket) => {
    seen.sockets.push(socket.url());
    socket.on('framereceived', (frame) => seen.received.push(String(frame.payload).slice(0, 80)));
  });
  return seen;
}

async function main() {
  const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
  if (key) args.push(`--ignore-certificate-errors-spki-list=${key}`);
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage();
    const seen = watch(page);
    const start = Date.now();
    await page.goto(url, patience);
    await page.waitForSelector('input[type=password]', patience);
    await page.waitForLoadState('networkidle', patience);
    const first = { ...seen, statuses: { ...seen.statuses }, bad: [...seen.bad], title: await page.title(), ms: Date.now() - start };
    await page.screenshot({ path: `${out}/sign-in.png` });

    await page.fill('input:not([type=password])', 'admin@nocobase.com');
    await page.fill('input[type=password]', 'admin123');
    await page.click('button[type=submit]');
    await page.waitForURL(/\/admin/, patience);
    await page.waitForSelector('[data-testid="user-center-button"]', patience);
    await page.waitForLoadState('networkidle', patience);
    await page.screenshot({ path: `${out}/signed-in.png` });
    console.log(JSON.stringify({ first, all: seen, path: new URL(page.url()).pathname }));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(String(error.message || error).split('\n').slice(0, 6).join(' | '));
  process.exit(1);
});
