"""The API's document is enough to make a client of it, which works."""

from __future__ import annotations

import httpx
import msgspec

from tests.support.client import client_of


async def test_a_client_that_is_generated_schedules_follows_and_cancels(api: httpx.AsyncClient) -> None:
    made = client_of((await api.get("/api/schema")).json())
    client = made.Client(api)
    structs = [each for each in vars(made).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    for struct in structs:
        msgspec.json.Decoder(struct)  # no field is of what there is not

    sender = await client.create_sender(body=made.SenderBody(email="sales@example.com", hourly_limit=7))
    assert (sender.hourly_limit, sender.retired_at) == (7, None)
    campaign = made.JsonCampaign(
        subject="Hello {{ name }}",
        body="Hi",
        recipients=[{"email": "ada@example.com", "name": "Ada"}, {"email": "bob@example.com", "name": "Bob"}],
        sender_ids=[sender.id],
        start_time="2099-01-01T09:00:00Z",
    )
    preview = await client.preview_campaign(body=campaign)
    assert (preview.accepted, preview.first_to) == (2, "ada@example.com")
    scheduled = await client.schedule_campaign(body=campaign)
    its = scheduled.campaign.id
    assert scheduled.accepted == 2

    emails = await client.list_emails(campaign_id=its, limit=1)
    assert (len(emails.items), emails.next_cursor is None) == (1, False)
    changed = await client.change_campaign(its, body=made.CampaignPatch(name="Spring"))
    assert changed.name == "Spring"
    assert (await client.cancel_campaign(its)).status == "CANCELLED"
    assert (await client.retire_sender(sender.id)).retired_at is not None
