// The page Chat.

import { startFrame } from "./frame.js";

startFrame();
