package example;

/** The lines that the client shows, the oldest first. */
class ClientState {
    static inline final MOST = 7;

    public final lines:Array<String> = [];

    public function new() {}

    public function update(value:String) {
        if (value == null) return;
        if (lines.length == MOST) lines.shift();
        lines.push(value);
    }
}
