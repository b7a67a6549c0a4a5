package example;

/** The tutorial's object: adds a line. Java's `example.AddString` by its name, made by `HessianInput` without being mentioned anywhere. */
@:keep
class AddString implements Updater {
    public var value:String;

    public function new() {}

    public function update(state:ClientState) {
        state.update(value);
    }
}
