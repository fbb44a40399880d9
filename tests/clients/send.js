// nodemailer with DSN: node send.js, its settings as JSON on standard input.
const nodemailer = require('nodemailer');

const settings = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const transport = nodemailer.createTransport({
  host: 'localhost',
  port: settings.port,
  secure: false,
  requireTLS: true,
  tls: { ca: settings.ca },
  auth: { type: 'OAuth2', user: settings.user, accessToken: settings.token },
});
transport
  .sendMail({
    from: settings.user,
    to: settings.to,
    bcc: settings.bcc,
    subject: 'Angebot für Öl',
    messageId: settings.messageId,
    text: 'Hello',
    attachments: [{ filename: 'quote.pdf', content: Buffer.from(settings.file, 'base64') }],
    dsn: { id: 'quote-4711', return: 'headers', notify: ['success', 'failure'], recipient: settings.user },
  })
  .then((info) => console.log(JSON.stringify({ response: info.response, accepted: info.accepted })))
  .catch((err) => console.log(JSON.stringify({ error: err.message, response: err.response })))
  .finally(() => transport.close());
