// The older design as its own engineers would tune it. For comparison only: nothing of the service uses this.
//
//   node pipeline.mjs enqueue '{"postgres": url, "redisPort": n, "emails": n, "subject": …, "body": …}'
//   node pipeline.mjs work    '{"postgres": url, "redisPort": n, "smtpPort": n, "concurrency": n, "attempts": bool}'
//
// Tuned beyond what the older README describes, each to its advantage: rows inserted and jobs added in bulk, jobs
// that fall due at once skip the delayed set, what is done leaves Redis, a campaign is read once in five seconds and not
// once an email, statements are prepared, SMTP connections are pooled, and claiming and loading an email are one
// statement.
import { DelayedError, Queue, Worker } from 'bullmq'
import IORedis from 'ioredis'
import { createTransport } from 'nodemailer'
import pg from 'pg'

const QUEUE = 'emails'
const BATCH = 5_000
const CAMPAIGN_CACHE_MS = 5_000
const HOUR_MS = 3_600_000
const UNLIMITED = 10_000_000
const MAX_ATTEMPTS = 5

const CLAIM = `
  UPDATE emails SET status = 'SENDING' WHERE id = $1 AND status = 'SCHEDULED'
  RETURNING recipient, fields, now() AS claimed_at`
const SENT = `UPDATE emails SET status = 'SENT', sent_at = now(), message_id = $2 WHERE id = $1`
const SENT_WITH_ATTEMPT = `
  WITH sent AS (${SENT} RETURNING id, retry_count)
  INSERT INTO attempts (email_id, number, outcome, claimed_at, reply)
  SELECT id, retry_count + 1, 'ACCEPTED', $3, $4 FROM sent`
const FAILED = `UPDATE emails SET status = $2, retry_count = retry_count + 1 WHERE id = $1`

const [mode, argument] = process.argv.slice(2)
const options = JSON.parse(argument)
const redis = () => new IORedis({ host: '127.0.0.1', port: options.redisPort, maxRetriesPerRequest: null })

async function enqueue() {
  const db = new pg.Client(options.postgres)
  await db.connect()
  const connection = redis()
  const queue = new Queue(QUEUE, { connection })
  const sender = await db.query('INSERT INTO senders (email, hourly_limit) VALUES ($1, $2) RETURNING id', [
    'ann@bench.example',
    UNLIMITED,
  ])
  const campaign = await db.query('INSERT INTO campaigns (sender_id, subject, body) VALUES ($1, $2, $3) RETURNING id', [
    sender.rows[0].id,
    options.subject,
    options.body,
  ])
  const campaignId = campaign.rows[0].id
  for (let first = 0; first < options.emails; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, options.emails - first) }, (_, i) => first + i)
    const inserted = await db.query(
      `INSERT INTO emails (campaign_id, recipient, fields, scheduled_at)
       SELECT $1, recipient, fields, now() FROM unnest($2::text[], $3::jsonb[]) AS r (recipient, fields) RETURNING id`,
      [
        campaignId,
        numbers.map((n) => `now${n}@bench.example`),
        numbers.map((n) => JSON.stringify({ first_name: `Name${n}` })),
      ],
    )
    await queue.addBulk(
      inserted.rows.map(({ id }) => ({
        name: 'send',
        data: { emailId: id, campaignId },
        opts: {
          jobId: `email-${id}`,
          attempts: MAX_ATTEMPTS,
          backoff: { type: 'exponential', delay: 60_000 },
          removeOnComplete: true,
        },
      })),
    )
  }
  await queue.close()
  connection.disconnect()
  await db.end()
}

async function work() {
  const db = new pg.Pool({ connectionString: options.postgres, max: Math.min(options.concurrency, 32) })
  const counters = redis()
  const transport = createTransport({
    host: '127.0.0.1',
    port: options.smtpPort,
    pool: true,
    maxConnections: options.concurrency,
    maxMessages: Infinity,
    secure: false,
    ignoreTLS: true,
  })
  const campaigns = new Map()

  function campaign(id) {
    const known = campaigns.get(id)
    if (known && known.until > Date.now()) return known.row
    const row = db
      .query(
        `SELECT c.subject, c.body, s.id AS sender_id, s.email, s.hourly_limit
         FROM campaigns c JOIN senders s ON s.id = c.sender_id WHERE c.id = $1`,
        [id],
      )
      .then((answer) => answer.rows[0])
    campaigns.set(id, { row, until: Date.now() + CAMPAIGN_CACHE_MS })
    return row
  }

  async function send(job, token) {
    const { emailId, campaignId } = job.data
    const { subject, body, sender_id, email, hourly_limit } = await campaign(campaignId)
    const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
    const key = `ratelimit:${sender_id}:${hour}`
    const used = await counters.incr(key)
    if (used === 1) await counters.pexpire(key, 2 * HOUR_MS)
    if (used > hourly_limit) {
      const next = hour + HOUR_MS
      await db.query('UPDATE emails SET scheduled_at = $2 WHERE id = $1', [emailId, new Date(next)])
      await job.moveToDelayed(next, token)
      throw new DelayedError()
    }
    const claimed = await db.query({ name: 'claim', text: CLAIM, values: [emailId] })
    if (claimed.rowCount === 0) return
    const { recipient, fields, claimed_at } = claimed.rows[0]
    const merged = (text) => text.replace(/\{\{ (\w+) \}\}/g, (_, field) => fields[field] ?? '')
    try {
      const info = await transport.sendMail({
        from: email,
        to: recipient,
        subject: merged(subject),
        text: merged(body),
      })
      if (options.attempts) {
        const values = [emailId, info.messageId, claimed_at, info.response]
        await db.query({ name: 'sent_with_attempt', text: SENT_WITH_ATTEMPT, values })
      } else {
        await db.query({ name: 'sent', text: SENT, values: [emailId, info.messageId] })
      }
    } catch (error) {
      const last = job.attemptsMade + 1 >= MAX_ATTEMPTS
      await db.query({ name: 'failed', text: FAILED, values: [emailId, last ? 'FAILED' : 'SCHEDULED'] })
      throw error
    }
  }

  const worker = new Worker(QUEUE, send, { connection: redis(), concurrency: options.concurrency })
  worker.on('error', (error) => console.error(error))
  worker.on('failed', (job, error) => console.error(job?.id, error))
  process.once('SIGTERM', async () => {
    await worker.close()
    transport.close()
    await db.end()
    process.exit(0)
  })
}

await { enqueue, work }[mode]()
