"""msg: sending and reading."""

from tests.support.mesh_verbs import Port, use


async def test_words_are_sent_and_their_fate_is_told() -> None:
    port = Port()
    answer = await use("msg", port, peer="mike", text=("Hello", "Mike!"))
    assert answer.text == "message m2 is sent\n"
    assert port.asked == [("send_message", {"peer": "mike", "text": "Hello Mike!"})]


async def test_without_words_messages_are_listed() -> None:
    port = Port()
    answer = await use("msg", port, peer="mike")
    assert answer.text is not None
    assert "Hello Joe!" in answer.text
    await use("msg", port)
    assert port.asked == [("messages", {"peer": "mike"}), ("messages", {})]
    assert (await use("msg", Port(messages=[]))).text == "no message\n"
