"""Meta's own SDK: form bodies whose values are JSON, `appsecret_proof` on every call, batches. It has no receiver; the one below checks the
SHA-256 signature as Meta's documentation says to."""

import hashlib
import hmac
import http.server
import json
import os
import queue
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

from facebook_business.adobjects.page import Page
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

ENV = os.environ
PSID, APP, OTHER = ENV["PSID"], ENV["APP_ID"], ENV["OTHER_APP_ID"]
RECIPIENT = {"id": PSID}
LONGEST_WAIT = 10

FacebookSession.GRAPH = ENV["GRAPH_BASE"]


def page_as(secret, token):
    """The Page as an app sees it that has this secret and token."""
    return Page(ENV["PAGE_ID"], api=FacebookAdsApi(FacebookSession(app_secret=secret, access_token=token)))


ours = page_as(ENV["APP_SECRET"], ENV["PAGE_TOKEN"])
theirs = page_as(ENV["OTHER_APP_SECRET"], ENV["OTHER_PAGE_TOKEN"])


def send(page=ours, **message):
    return page.create_message(params={"recipient": RECIPIENT, "messaging_type": "RESPONSE", "message": message})


def assert_sent(answer):
    assert answer["recipient_id"] == PSID, answer
    assert len(answer["message_id"]) > 3, answer


def owner():
    """The app that holds the thread, as the default app is told."""
    held = list(ours.get_thread_owner(params={"recipient": PSID}))
    return str(held[0]["thread_owner"]["app_id"]) if held else None


def own():
    ours.create_take_thread_control(params={"recipient": RECIPIENT})


def give_away():
    own()
    ours.create_pass_thread_control(params={"recipient": RECIPIENT, "target_app_id": OTHER})


def refused(call, code, subcode=None, kind="OAuthException"):
    """The error with which the call is refused."""
    try:
        answer = call()
    except FacebookRequestError as error:
        assert (error.api_error_code(), error.api_error_subcode()) == (code, subcode), error.body()
        assert 400 <= error.http_status() < 500, error.http_status()
        assert error.api_error_type() == kind, error.body()
        return error
    raise AssertionError(f"it was not refused, but answered {answer}")


def say(**what):
    """The person says something."""
    body = json.dumps({"page_id": ENV["PAGE_ID"], "psid": PSID, **what}).encode()
    urllib.request.urlopen(urllib.request.Request(ENV["TRIGGER_URL"], body, {"Content-Type": "application/json"}), timeout=LONGEST_WAIT).close()


def transcript():
    """What the person sees, as one text."""
    query = urllib.parse.urlencode({"page_id": ENV["PAGE_ID"], "psid": PSID})
    with urllib.request.urlopen(f"{ENV['TRIGGER_URL']}?{query}", timeout=LONGEST_WAIT) as answer:
        return json.dumps(json.load(answer), ensure_ascii=False)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what is rightly signed, turns everything else away."""

    protocol_version = "HTTP/1.1"
    heard = queue.Queue()

    def do_GET(self):  # noqa: N802: the name is http.server's
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        known = asked.get("hub.verify_token") == ENV["VERIFY_TOKEN"]
        self.answer(200 if known else 403, asked.get("hub.challenge", "").encode() if known else b"")

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hmac.new(ENV["APP_SECRET"].encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(self.headers.get("X-Hub-Signature-256", ""), f"sha256={digest}"):
            return self.answer(403)
        for entry in json.loads(body)["entry"]:
            for channel in ("messaging", "standby"):
                for event in entry.get(channel, []):
                    self.heard.put((channel, event))
        return self.answer(200)

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def hear(fits):
    """Waits for an event that fits; gives the channel and the event."""
    end = time.monotonic() + LONGEST_WAIT
    while (left := end - time.monotonic()) > 0:
        try:
            channel, event = Receiver.heard.get(timeout=left)
        except queue.Empty:
            break
        if fits(event):
            return channel, event
    raise AssertionError(f"no such event within {LONGEST_WAIT} s")


def sends_a_text_which_the_person_reads():
    own()
    text = f"text {uuid.uuid4()} ü 😀"
    assert_sent(send(text=text))
    assert text in transcript(), "the person did not get it"


def sends_quick_replies():
    replies = [{"content_type": "text", "title": title, "payload": title.upper()} for title in ("Yes", "No")]
    assert_sent(send(text="Are you there?", quick_replies=replies))


def types():
    for action in (Page.SenderAction.mark_seen, Page.SenderAction.typing_on, Page.SenderAction.typing_off):
        answer = ours.create_message(params={"recipient": RECIPIENT, "sender_action": action})
        assert answer["recipient_id"] == PSID, answer


def uploads_an_image_and_sends_it():
    attachment = {"type": "image", "payload": {"url": "https://example.com/cup.png", "is_reusable": True}}
    uploaded = ours.create_message_attachment(params={"message": {"attachment": attachment}})
    assert_sent(send(attachment={"type": "image", "payload": {"attachment_id": uploaded["attachment_id"]}}))


def reads_the_profile_and_only_what_it_asked_for():
    answer = ours.get_api_assured().call("GET", (PSID,), params={"fields": "id,first_name"}).json()
    assert answer["id"] == PSID and answer["first_name"] and "last_name" not in answer, answer


def sets_and_removes_the_get_started_button():
    ours.create_messenger_profile(params={"get_started": {"payload": "START"}})
    profile = list(ours.get_messenger_profile(params={"fields": "get_started"}))
    assert profile[0]["get_started"] == {"payload": "START"}, profile
    ours.delete_messenger_profile(params={"fields": ["get_started"]})
    assert not [each for each in ours.get_messenger_profile(params={"fields": "get_started"}) if "get_started" in each]


def answers_calls_in_a_batch():
    answers, failures = [], []
    batch = ours.get_api_assured().new_batch()
    for recipient in (PSID, "9999999999999999"):
        params = {"recipient": {"id": recipient}, "messaging_type": "RESPONSE", "message": {"text": "in a batch"}}
        ours.create_message(params=params, batch=batch, success=answers.append, failure=failures.append)
    batch.execute()
    assert [answer.json()["recipient_id"] for answer in answers] == [PSID]
    assert [failure.error().api_error_code() for failure in failures] in ([100], [551]), failures


def hears_what_the_person_writes_rightly_signed():
    own()
    text = f"hello {uuid.uuid4()} ä/<>"
    say(text=text)
    channel, event = hear(lambda event: event.get("message", {}).get("text") == text)
    assert channel == "messaging" and event["sender"]["id"] == PSID, (channel, event)


def passes_the_thread_and_stands_by():
    give_away()
    assert owner() == OTHER
    text = f"standby {uuid.uuid4()}"
    say(text=text)
    assert hear(lambda event: event.get("message", {}).get("text") == text)[0] == "standby"


def is_refused_while_another_app_has_the_thread():
    give_away()
    text = f"not mine {uuid.uuid4()}"
    error = refused(lambda: send(text=text), 10, 2018300)
    assert error.api_error_message().startswith("(#10) "), error.body()
    assert text not in transcript(), "the person got it all the same"


def takes_the_thread_and_sends():
    give_away()
    own()
    assert owner() == APP
    assert_sent(send(text="Mine again"))


def hears_another_app_ask_for_the_thread():
    own()
    metadata = f"please {uuid.uuid4()}"
    theirs.create_request_thread_control(params={"recipient": RECIPIENT, "metadata": metadata})
    event = hear(lambda event: event.get("request_thread_control", {}).get("metadata") == metadata)[1]
    assert str(event["request_thread_control"]["requested_owner_app_id"]) == OTHER, event


def releases_the_thread():
    own()
    ours.create_extend_thread_control(params={"recipient": RECIPIENT, "duration": 3600})
    ours.create_release_thread_control(params={"recipient": RECIPIENT})
    assert owner() is None


def is_refused_with_a_proof_by_another_secret():
    refused(lambda: send(page_as(ENV["OTHER_APP_SECRET"], ENV["PAGE_TOKEN"]), text="forged"), 100, kind="GraphMethodException")


def is_refused_with_a_token_nobody_issued():
    refused(lambda: send(page_as(None, "EAAnotatoken"), text="forged"), 190)


CHECKS = [
    sends_a_text_which_the_person_reads,
    sends_quick_replies,
    types,
    uploads_an_image_and_sends_it,
    reads_the_profile_and_only_what_it_asked_for,
    sets_and_removes_the_get_started_button,
    answers_calls_in_a_batch,
    hears_what_the_person_writes_rightly_signed,
    passes_the_thread_and_stands_by,
    is_refused_while_another_app_has_the_thread,
    takes_the_thread_and_sends,
    hears_another_app_ask_for_the_thread,
    releases_the_thread,
    is_refused_with_a_proof_by_another_secret,
    is_refused_with_a_token_nobody_issued,
]


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(ENV["WEBHOOK_PORT"])), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"PASS {name}", flush=True)
        except Exception as error:  # whatever breaks, the next check is still worth a try
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {' '.join(str(error).split())[:400]}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
