// imapflow: node read.js, its settings as JSON on standard input; prints the last attachment.
const { ImapFlow } = require('imapflow');

const settings = JSON.parse(require('fs').readFileSync(0, 'utf8'));

function attachment(part) {
  if (part.disposition === 'attachment') return part;
  return (part.childNodes || []).map(attachment).find(Boolean);
}

async function read() {
  const client = new ImapFlow({
    host: 'localhost',
    port: settings.port,
    secure: true,
    logger: false,
    tls: { ca: settings.ca },
    auth: { user: settings.user, accessToken: settings.token },
  });
  await client.connect();
  const lock = await client.getMailboxLock('INBOX');
  try {
    const message = await client.fetchOne('*', { envelope: true, bodyStructure: true });
    const found = attachment(message.bodyStructure);
    const { content } = await client.download('*', found.part);
    const chunks = [];
    for await (const chunk of content) chunks.push(chunk);
    return {
      subject: message.envelope.subject,
      name: found.dispositionParameters.filename,
      file: Buffer.concat(chunks).toString('base64'),
    };
  } finally {
    lock.release();
    await client.logout();
  }
}

read().then(
  (result) => console.log(JSON.stringify(result)),
  (err) => console.log(JSON.stringify({ error: err.message, response: err.responseText })),
);
