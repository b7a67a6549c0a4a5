package example;

/** What the server sends is a command: it changes the client's state by itself. */
interface Updater {
    function update(state:ClientState):Void;
}
