// The page Models.

import { startFrame } from "./frame.js";

startFrame();
